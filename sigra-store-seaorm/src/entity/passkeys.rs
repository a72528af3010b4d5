//! Passkeys, and what authenticators know their accounts by.

pub mod user_handle {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_user_handles")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        pub user_handle: Vec<u8>,
    }

    super::super::plain!();
}

pub mod passkey {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_passkeys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub credential_id: Vec<u8>,
        pub credential_hash: Vec<u8>,
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
