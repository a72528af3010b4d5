//! Measures the example host's stack on this machine and prints ratios beside their targets. See the README.

mod client;
mod database;
mod error;
mod facts;
mod host;
mod load;
mod measure;
mod options;
mod plan;
mod process;
mod raw;
mod report;
mod seed;
mod stats;

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use sigra_crypto::RootSecrets;

use crate::database::{Database, Engine};
use crate::error::BenchError;
use crate::facts::{Facts, OPTIMIZED};
use crate::measure::{Subject, burst, deletions, export, flood, growth, logins, memory, sessions};
use crate::options::{Options, USAGE};
use crate::plan::Plan;
use crate::process::{HOST, HostProcess, SWEEP};
use crate::raw::RawHasher;
use crate::report::Line;
use crate::seed::{Seeded, Size};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let ended = if arguments.next_if_eq(HOST).is_some() {
        host::serve()
    } else if arguments.next_if_eq(SWEEP).is_some() {
        host::sweep()
    } else {
        let Some(options) = Options::parse(arguments) else {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        };
        if !OPTIMIZED && !options.quick {
            eprintln!("error: this is a debug build, whose numbers say nothing; use --release, or --quick to try it");
            return ExitCode::from(2);
        }
        measure_all(options)
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure_all(options: Options) -> Result<(), BenchError> {
    let facts = Facts::gather();
    let say = |text: &str| {
        if !options.json {
            println!("{text}");
        }
    };
    say(&facts.text());
    if options.quick {
        say("quick: not representative");
    }
    // The generator's own runtime has one thread: it must leave the cores to the host.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let engines = runtime.block_on(async {
        let mut engines = Vec::new();
        for engine in Engine::all()? {
            engines.push(on(&engine, &Plan::of(options), &say).await?);
        }
        Ok::<_, BenchError>(engines)
    })?;
    if options.json {
        let quick = options.quick;
        println!("{:#}", json!({ "facts": facts.json(), "representative": !quick, "engines": engines }));
    }
    Ok(())
}

/// Everything on one engine.
async fn on(engine: &Engine, plan: &Plan, say: &impl Fn(&str)) -> Result<Value, BenchError> {
    let folder = tempfile::tempdir()?;
    let secret = RootSecrets::generate();
    let raw = RawHasher::new(&secret).await?;
    let bench = Bench { engine, folder: folder.path(), secret: &secret, raw: &raw };

    let mut main = bench.subject("main", plan.main).await?;
    let version = main.database.version().await?;
    say(&format!("\n{version}, {} accounts, {} sessions", plan.main.accounts, plan.main.sessions));
    let mut lines = Vec::new();
    let mut done = |line: Line| {
        say(line.text().trim_end());
        lines.push(line.json());
    };
    let measured = bench.measure(&mut main, plan, &mut done).await;
    bench.close(main, measured).await?;
    Ok(json!({ "engine": version, "lines": lines }))
}

struct Bench<'a> {
    engine: &'a Engine,
    folder: &'a Path,
    secret: &'a str,
    raw: &'a RawHasher,
}

impl Bench<'_> {
    /// A host on a seeded database of its own.
    async fn subject(&self, label: &str, size: Size) -> Result<Subject, BenchError> {
        let database = Database::create(self.engine, self.folder, label).await?;
        let started = async {
            let seeded = Seeded::fill(&database, size, self.raw.hash()).await?;
            let host = HostProcess::start(&self.folder.join(label), &database.url, self.secret)?;
            Ok((seeded, host))
        };
        match started.await {
            Ok((seeded, host)) => Ok(Subject { host, database, seeded }),
            Err(error) => {
                database.remove().await?;
                Err(error)
            }
        }
    }

    async fn measure(&self, main: &mut Subject, plan: &Plan, done: &mut impl FnMut(Line)) -> Result<(), BenchError> {
        done(logins(main, self.raw, plan).await?);
        done(memory(main, plan)?);
        sessions(main, plan).await?.into_iter().for_each(&mut *done);
        self.grow(main, plan).await?.into_iter().for_each(&mut *done);
        if let Some(size) = plan.large {
            let mut large = self.subject("large", size).await?;
            let lines = self.grow(&mut large, plan).await;
            self.close(large, lines).await?.into_iter().for_each(&mut *done);
        }
        let mut doomed = self.subject("doomed", plan.swept()).await?;
        let lines = deletions(&mut doomed, plan, self.secret).await;
        self.close(doomed, lines).await?.into_iter().for_each(&mut *done);
        let mut mailing = self.subject("mailing", plan.mailing()).await?;
        let line = burst(&mut mailing, plan);
        done(self.close(mailing, line).await?);
        let mut exporting = self.subject("export", plan.exporting).await?;
        exporting.seeded.record(&exporting.database, plan.events).await?;
        let line = export(&mut exporting, plan).await;
        done(self.close(exporting, line).await?);
        // Last: a flood signs in everybody.
        done(flood(main, plan).await?);
        Ok(())
    }

    /// Growth from a small database, whose accounts have not signed in yet.
    async fn grow(&self, full: &mut Subject, plan: &Plan) -> Result<[Line; 2], BenchError> {
        let mut small = self.subject("small", plan.small).await?;
        let lines = growth(&mut small, full, plan).await;
        self.close(small, lines).await
    }

    /// Ends the host and removes the database, whatever came of the measurement.
    async fn close<T>(&self, subject: Subject, measured: Result<T, BenchError>) -> Result<T, BenchError> {
        let Subject { host, database, .. } = subject;
        let measured = measured.map_err(|error| match host.last_words() {
            words if words.is_empty() => error,
            words => BenchError::Failed(format!("{error}\nthe host's last words:\n{words}")),
        });
        drop(host);
        let removed = database.remove().await;
        let measured = measured?;
        removed?;
        Ok(measured)
    }
}
