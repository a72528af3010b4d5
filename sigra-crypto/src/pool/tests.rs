use std::net::{IpAddr, Ipv4Addr};
use std::sync::Weak;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use sigra_core::client::IpBlock;

use super::*;

const KNOWN: WorkOrigin = WorkOrigin::KnownDevice;

fn network(number: u8) -> WorkOrigin {
    WorkOrigin::Network(IpBlock::of(Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, number)))))
}

fn pool(threads: usize, queue_per_thread: usize) -> HashPool {
    let config = PoolConfig { threads: Some(threads), queue_per_thread, ..PoolConfig::default() };
    HashPool::new(&config).unwrap()
}

/// A future that was polled once: its work is in the queue, and leaves it again when the future is dropped.
type Started<'p, T> = std::pin::Pin<Box<dyn Future<Output = Result<T, Overloaded>> + 'p>>;

fn start<T: Send + 'static>(
    pool: &HashPool,
    origin: WorkOrigin,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<Started<'_, T>, Overloaded> {
    let mut future: Started<'_, T> = Box::pin(pool.run(origin, job));
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(overloaded)) => Err(overloaded),
        Poll::Ready(Ok(_)) => panic!("the pool must be blocked"),
        Poll::Pending => Ok(future),
    }
}

/// Blocks the only thread of a pool until the sender is dropped.
fn block(pool: &HashPool) -> (Sender<()>, Started<'_, ()>) {
    let (release, wait): (Sender<()>, Receiver<()>) = channel();
    let (started, running) = channel::<()>();
    let future = start(pool, KNOWN, move || {
        drop(started);
        let _ = wait.recv();
    });
    let _ = running.recv();
    (release, future.unwrap())
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        thread::yield_now();
    }
}

#[tokio::test]
async fn jobs_run_and_answer() {
    let pool = pool(2, 8);
    assert_eq!(pool.run(network(1), || 6 * 7).await, Ok(42));
    assert_eq!(pool.stats(), PoolStats { finished: 1, peak_running: 1, ..PoolStats::default() });
}

#[tokio::test]
async fn pw_25_a_block_has_its_share_and_the_lane_its_end() {
    let pool = pool(1, 16);
    let blocked = block(&pool);
    // 8 places for networks, 25 percent of them for each block.
    let mut waiting: Vec<_> = (0..2).map(|_| start(&pool, network(1), || ()).unwrap()).collect();
    let refused = start(&pool, network(1), || ()).err().unwrap();
    assert_eq!(refused.retry_after, Duration::from_secs(1));
    for number in 2..5 {
        waiting.push(start(&pool, network(number), || ()).unwrap());
        waiting.push(start(&pool, network(number), || ()).unwrap());
    }
    assert!(start(&pool, network(5), || ()).is_err(), "the lane is full");
    assert_eq!((pool.stats().queued, pool.stats().refused), (8, 2));

    // Known devices have places of their own.
    for _ in 0..8 {
        waiting.push(start(&pool, KNOWN, || ()).unwrap());
    }
    assert!(start(&pool, KNOWN, || ()).is_err());

    drop(blocked);
    for job in waiting {
        job.await.unwrap();
    }
    // The one that blocked was left by its caller while it ran, and ran to its end.
    assert_eq!((pool.stats().finished, pool.stats().queued), (17, 0));
    assert_eq!(pool.run(network(1), || 1).await, Ok(1), "shares are given back");
}

#[tokio::test]
async fn the_lanes_are_served_in_turn() {
    let pool = pool(1, 16);
    let blocked = block(&pool);
    let (order, seen) = channel();
    let mut waiting = Vec::new();
    for (origin, name) in [(network(1), 'n'), (network(2), 'n'), (network(3), 'n'), (KNOWN, 'k'), (KNOWN, 'k')] {
        let order = order.clone();
        waiting.push(start(&pool, origin, move || order.send(name).unwrap()).unwrap());
    }
    drop(blocked);
    for job in waiting {
        job.await.unwrap();
    }
    drop(order);
    assert_eq!(seen.iter().collect::<String>(), "nknkn");
}

#[tokio::test]
async fn work_whose_caller_has_gone_is_skipped() {
    let pool = pool(1, 16);
    let blocked = block(&pool);
    let (ran, heard) = channel();
    let abandoned = start(&pool, network(1), move || ran.send(()).unwrap()).unwrap();
    let kept = start(&pool, network(1), || 7).unwrap();
    drop(abandoned);
    drop(blocked);
    assert_eq!(kept.await, Ok(7));
    assert!(heard.recv().is_err(), "it never ran");
    assert_eq!(pool.stats().skipped, 1);
}

#[tokio::test]
async fn work_whose_caller_has_gone_holds_no_place() {
    let pool = pool(1, 16);
    let _blocked = block(&pool);
    for _ in 0..100 {
        drop(start(&pool, network(1), || ()).unwrap());
        drop(start(&pool, KNOWN, || ()).unwrap());
    }
    assert_eq!(pool.stats().refused, 0);
}

#[tokio::test]
async fn a_panic_is_no_answer_and_no_end() {
    let pool = pool(1, 8);
    for _ in 0..3 {
        let answer: Result<(), Overloaded> = pool.run(KNOWN, || panic!("on purpose")).await;
        assert!(answer.is_err());
    }
    assert_eq!(pool.run(KNOWN, || 42).await, Ok(42));
    assert_eq!((pool.stats().panicked, pool.stats().finished, pool.stats().running), (3, 4, 0));
}

#[tokio::test]
async fn the_threads_end_with_the_pool() {
    let pool = pool(3, 8);
    let shared: Weak<Shared> = Arc::downgrade(&pool.shared);
    pool.run(KNOWN, || ()).await.unwrap();
    drop(pool);
    eventually("a thread lives on", || shared.strong_count() == 0);
}

#[tokio::test]
async fn memory_is_kept_between_hashes_wiped_when_idle_and_given_back_when_unusual() {
    let pool = pool(1, 8);
    let used = pool
        .run_with_memory(KNOWN, |memory| {
            memory.lend(4, 4, 1, |blocks| blocks[3].as_mut()[0] = 9).unwrap();
            memory.lend(9, 4, 2, |blocks| (blocks.len(), blocks[3].as_ref()[0])).unwrap()
        })
        .await;
    assert_eq!(used, Ok((9, 0)), "no thread holds two sets of blocks, and new ones are empty");
    let stats = pool.stats();
    assert_eq!((stats.memory_kib, stats.peak_memory_kib, stats.argon2_blocks_filled), (4, 9, 4 + 18));

    let dirty = || {
        pool.run_with_memory(KNOWN, |memory| {
            memory.lend(4, 4, 1, |blocks| std::mem::replace(&mut blocks[0].as_mut()[0], 1))
        })
    };
    for _ in 0..50 {
        dirty().await.unwrap().unwrap();
    }
    // A busy machine may be slow to ask for the next one now and then.
    let wiped = pool.stats().wiped;
    assert!(wiped < 10, "a moment without work is no reason to wipe: {wiped} of 50");
    eventually("never wiped", || pool.stats().wiped > wiped);
    assert_eq!(dirty().await, Ok(Ok(0)), "nothing is left of the last hash");
    assert_eq!(pool.stats().memory_kib, 4, "kept");
}

#[test]
fn a_faulty_configuration_starts_nothing() {
    let config = PoolConfig { threads: Some(0), ..PoolConfig::default() };
    let error = HashPool::new(&config).err().unwrap();
    assert!(error.to_string().contains("threads must be from 1"), "{error}");
}
