//! The messages that applications have handed over but no transaction has stored yet, for each
//! tenant.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::oneshot;

use crate::ids::{Jid, MessageId, TenantId};
use crate::store::error::StoreError;

/// A message that an application wants to send.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Chosen by the caller. Two messages with the same id are one message.
    pub id: MessageId,
    /// A person or a group.
    pub to: Jid,
    /// The unencrypted `Message` protobuf.
    pub body: Vec<u8>,
    /// Two messages with the same key are one message, whatever their ids.
    pub idempotency_key: Option<String>,
    /// The device that should send it, or another device of the same account.
    pub account: Jid,
    /// The time after which it is not sent any more, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
}

/// The queues of all tenants.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Intake {
    pub(in crate::store) queues: Arc<Mutex<HashMap<TenantId, Weak<Queue>>>>,
}

#[derive(Debug, Default)]
pub(in crate::store) struct Queue {
    pub(in crate::store) waiting: Mutex<VecDeque<Waiting>>,
    /// Held by the call that works for all.
    pub(in crate::store) turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
pub(in crate::store) struct Waiting {
    pub(in crate::store) message: NewMessage,
    pub(in crate::store) now_ms: i64,
    /// Dropped without an answer if the outcome for this message is unknown.
    pub(in crate::store) answer: oneshot::Sender<Result<MessageId, StoreError>>,
}

impl Intake {
    pub(in crate::store) fn queue(&self, tenant: &TenantId) -> Arc<Queue> {
        let mut queues = lock(&self.queues);
        if let Some(queue) = queues.get(tenant).and_then(Weak::upgrade) {
            return queue;
        }
        queues.retain(|_, queue| 0 < queue.strong_count());
        let queue = Arc::new(Queue::default());
        queues.insert(tenant.clone(), Arc::downgrade(&queue));
        queue
    }
}

/// Takes a lock that is never held across an await or a panic.
pub(in crate::store) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
