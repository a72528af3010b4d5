//! The outbox and the audit trail.

pub mod mail {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_outbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        pub recipient: String,
        pub facts: Vec<u8>,
        pub created_at: i64,
        pub expires_at: i64,
        pub attempts: i64,
        pub due_at: Option<i64>,
        pub lease_id: Option<Uuid>,
        pub settled_at: Option<i64>,
        pub settled_as: Option<String>,
        pub last_fault: Option<String>,
        pub facts_until: Option<i64>,
    }

    super::super::plain!();
}

pub mod audit_event {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sigra_audit_events")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub occurred_at: i64,
        pub outcome: String,
        pub actor_id: Option<Uuid>,
        pub subject_id: Option<Uuid>,
        pub organization_id: Option<Uuid>,
        pub session_id: Option<Uuid>,
        pub ip: Option<String>,
        pub user_agent: Option<String>,
        pub request_id: Option<String>,
        pub reason: Option<String>,
        pub metadata: String,
    }

    super::super::plain!();
}
