//! Sessions, the tokens they have retired, and pending sign-ins.

pub mod session {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_sessions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub token_digest: Vec<u8>,
        pub user_id: Uuid,
        pub assurance: String,
        pub security_epoch: i64,
        pub factor_epoch: i64,
        pub remembered: bool,
        pub fresh_until: Option<i64>,
        pub created_at: i64,
        pub last_seen_at: i64,
        pub rotated_at: i64,
        pub idle_expires_at: i64,
        pub expires_at: i64,
        pub client: String,
        pub place: Option<String>,
    }

    super::super::plain!();
}

pub mod retired_token {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_session_retired_tokens")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: Vec<u8>,
        pub session_id: Uuid,
        pub retired_at: i64,
    }

    super::super::plain!();
}

pub mod pending_sign_in {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_pending_sign_ins")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub token_digest: Vec<u8>,
        pub user_id: Uuid,
        pub assurance: String,
        pub security_epoch: i64,
        pub factor_epoch: i64,
        pub remember: bool,
        pub opens_sudo: bool,
        pub client: String,
        pub created_at: i64,
        pub expires_at: i64,
        pub tell_unfinished: bool,
        pub ended: bool,
    }

    super::super::plain!();
}
