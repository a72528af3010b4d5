//! Accounts and the devices they are used from.

pub mod user {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_users")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub email: String,
        pub email_identity: String,
        pub password_hash: Option<String>,
        pub profile: String,
        pub security_epoch: i64,
        pub factor_epoch: i64,
        pub confirmed_at: Option<i64>,
        pub disabled_at: Option<i64>,
        pub created_at: i64,
        pub last_sign_in_at: Option<i64>,
        pub attempts_cleared_at: Option<i64>,
        pub deletion_due_at: Option<i64>,
    }

    super::super::plain!();
}

pub mod device {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_devices")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub token_digest: Vec<u8>,
        pub user_id: Uuid,
        pub created_at: i64,
        pub last_seen_at: i64,
        pub expires_at: i64,
    }

    super::super::plain!();
}
