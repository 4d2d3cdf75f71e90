//! What applications want to send and no transaction has taken in yet, for each tenant.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::oneshot;

use crate::ids::{Jid, MessageId, TenantId};
use crate::store::error::StoreError;

/// A message that an application wants to send.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Chosen by the caller; the same id twice is one message.
    pub id: MessageId,
    /// A person or a group.
    pub to: Jid,
    /// The plain `Message` protobuf.
    pub body: Vec<u8>,
    /// The same key twice is one message, whatever the ids.
    pub idempotency_key: Option<String>,
    /// The device that is to send it, or another one of its account.
    pub account: Jid,
    /// When it is not to be sent any more.
    pub expires_ms: Option<i64>,
}

/// What waits, for each tenant.
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
    /// Dropped without an answer where nobody knows what became of the message.
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

/// A lock that is never held across a wait or a panic.
pub(in crate::store) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
