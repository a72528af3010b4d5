//! Registrations, mailed tokens and requests by address.

pub mod registration {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_registrations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub email: String,
        pub email_identity: String,
        pub sealed: Vec<u8>,
        pub client: String,
        pub created_at: i64,
        pub expires_at: i64,
        pub armed: bool,
        pub code_mac: Option<Vec<u8>>,
        pub code_expires_at: Option<i64>,
        pub code_tries: i64,
    }

    super::super::plain!();
}

pub mod token {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_tokens")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: Vec<u8>,
        pub purpose: String,
        pub user_id: Option<Uuid>,
        pub registration_id: Option<Uuid>,
        pub security_epoch: Option<i64>,
        pub factor_epoch: Option<i64>,
        pub email: String,
        pub created_at: i64,
        pub expires_at: i64,
    }

    super::super::plain!();
}

pub mod request {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_requests")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        pub registration_id: Option<Uuid>,
        pub email: String,
        pub client: String,
        pub created_at: i64,
        pub expires_at: i64,
        pub due_at: i64,
        pub lease_id: Option<Uuid>,
    }

    super::super::plain!();
}
