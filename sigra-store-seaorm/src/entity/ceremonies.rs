//! State between two requests.

pub mod ceremony {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_ceremonies")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: Vec<u8>,
        pub user_id: Option<Uuid>,
        pub state: Vec<u8>,
        pub created_at: i64,
        pub expires_at: i64,
    }

    super::super::plain!();
}
