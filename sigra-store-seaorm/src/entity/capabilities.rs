//! Second factors, passkeys, and what is kept between two requests.

pub mod ceremony {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_ceremonies")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ceremony_key: Vec<u8>,
        pub user_id: Option<Uuid>,
        pub state: Vec<u8>,
        pub created_at: i64,
        pub expires_at: i64,
    }

    super::super::plain!();
}

#[cfg(feature = "mfa")]
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

#[cfg(feature = "mfa")]
pub mod backup_code {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_backup_codes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub code_mac: Vec<u8>,
        pub created_at: i64,
        pub used_at: Option<i64>,
    }

    super::super::plain!();
}

#[cfg(feature = "mfa")]
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

#[cfg(feature = "passkeys")]
pub mod passkey_user {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_passkey_users")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        pub handle: Vec<u8>,
    }

    super::super::plain!();
}

#[cfg(feature = "passkeys")]
pub mod passkey {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_passkeys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub credential_id: Vec<u8>,
        pub credential_digest: Vec<u8>,
        pub public_key: Vec<u8>,
        pub sign_count: i64,
        pub backup_eligible: bool,
        pub backed_up: bool,
        pub transports: String,
        pub aaguid: Uuid,
        pub nickname: String,
        pub created_at: i64,
        pub last_used_at: Option<i64>,
    }

    super::super::plain!();
}
