//! Second factors, and the browsers that are trusted after one was shown.

pub mod totp {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_totp")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        pub secret: Vec<u8>,
        pub activated_at: Option<i64>,
        pub last_step: i64,
        pub created_at: i64,
        pub expires_at: Option<i64>,
    }

    super::super::plain!();
}

pub mod backup_code {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_backup_codes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub mac: Vec<u8>,
        pub made_at: i64,
    }

    super::super::plain!();
}

pub mod trusted_browser {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_trusted_browsers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub token_digest: Vec<u8>,
        pub user_id: Uuid,
        pub security_epoch: i64,
        pub factor_epoch: i64,
        pub factor: String,
        pub client: String,
        pub place: Option<String>,
        pub created_at: i64,
        pub last_used_at: i64,
        pub expires_at: i64,
    }

    super::super::plain!();
}
