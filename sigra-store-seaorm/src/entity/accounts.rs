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
        pub password_changed_at: Option<i64>,
        pub password_change_required_at: Option<i64>,
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

pub mod quarantine {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_quarantines")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub address_mac: Vec<u8>,
        pub holder_id: Option<Uuid>,
        pub expires_at: i64,
    }

    super::super::plain!();
}

pub mod address_change {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_email_changes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub pending_user_id: Option<Uuid>,
        pub session_id: Uuid,
        pub security_epoch: i64,
        pub factor_epoch: i64,
        pub old_email: String,
        pub old_identity: String,
        pub new_email: String,
        pub confirm_digest: Option<Vec<u8>>,
        pub notice_digest: Option<Vec<u8>>,
        pub revert_digest: Option<Vec<u8>>,
        pub requested_at: i64,
        pub redeemable_until: i64,
        pub completed_at: Option<i64>,
        pub undo_expires_at: Option<i64>,
        pub expires_at: i64,
    }

    super::super::plain!();
}
