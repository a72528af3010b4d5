//! Attempts and rates.

pub mod attempt {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_attempts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub counter: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub whom: Vec<u8>,
        pub attempts: i64,
        pub locked_until: Option<i64>,
        pub started_at: i64,
        pub expires_at: Option<i64>,
        pub user_id: Option<Uuid>,
        pub cleared_by_sign_in: bool,
    }

    super::super::plain!();
}

pub mod rate_counter {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_rate_counters")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub bucket: Vec<u8>,
        pub used: i64,
        pub window_ends_at: i64,
    }

    super::super::plain!();
}
