//! Places of addresses, from a MaxMind DB file.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use maxminddb::{LookupResult, PathElement, Reader, path};
use sigra_core::client::Place;
use sigra_core::ports::GeoIp;

/// Knows places from a [MaxMind DB](https://maxmind.github.io/MaxMind-DB/) file, held in memory as it was when
/// opened or last [reloaded](MaxMindGeoIp::reload).
///
/// Gives the city's English name and the country's ISO 3166-1 alpha-2 code, as far as the database has them. An address
/// it does not have, as private ones are, has no place; neither has an IPv6 address in a database for IPv4 alone. An
/// IPv4-mapped IPv6 address is looked up as IPv4.
///
/// The country is where the address is held to be *used*, never where its block is registered.
#[derive(Debug)]
pub struct MaxMindGeoIp {
    path: PathBuf,
    reader: RwLock<Arc<Reader<Vec<u8>>>>,
}

impl MaxMindGeoIp {
    /// Reads a database whose type, as its metadata names it, has `City`, `Country` or `Enterprise` in it, as in
    /// `GeoLite2-City`, `GeoIP2-Country` or `DBIP-City-Lite`.
    ///
    /// Blocks while it reads the whole file: call it at start-up. The records are not verified, since that takes long on
    /// large files and rejects some that are readable; a broken one is logged when it is met and gives no place.
    ///
    /// # Errors
    ///
    /// [`GeoIpError`] when the file cannot be read, is not a whole database, or is one of another type. The message
    /// names the path, the cause, and what is accepted.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, GeoIpError> {
        let path = path.as_ref().to_path_buf();
        let reader = RwLock::new(Arc::new(read(&path)?));
        Ok(Self { path, reader })
    }

    /// Reads the file again, as [`MaxMindGeoIp::open`] does: a new one of the same name takes the place of what is in memory.
    /// Lookups go on meanwhile, each in one of the two.
    ///
    /// # Errors
    ///
    /// As [`MaxMindGeoIp::open`]. What is in memory stays then.
    pub fn reload(&self) -> Result<(), GeoIpError> {
        let reader = Arc::new(read(&self.path)?);
        *self.reader.write().unwrap_or_else(PoisonError::into_inner) = reader;
        Ok(())
    }

    fn reader(&self) -> Arc<Reader<Vec<u8>>> {
        Arc::clone(&self.reader.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn text<'a>(&self, found: &LookupResult<'a, Vec<u8>>, field: &[PathElement<'_>]) -> Option<&'a str> {
        found.decode_path(field).unwrap_or_else(|error| {
            self.report(&error);
            None
        })
    }

    fn report(&self, error: &maxminddb::MaxMindDbError) {
        tracing::warn!(
            name: "sigra.geoip.broken_record",
            path = %self.path.display(),
            %error,
            "the location database has a broken record"
        );
    }
}

fn read(path: &Path) -> Result<Reader<Vec<u8>>, GeoIpError> {
    let path = path.to_path_buf();
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(cause) => return Err(GeoIpError::Unreadable { path, cause }),
    };
    let reader = match Reader::from_source(bytes) {
        Ok(reader) => reader,
        Err(error) => return Err(GeoIpError::NotADatabase { path, reason: error.to_string() }),
    };
    let database_type = &reader.metadata().database_type;
    if !TYPES.iter().any(|accepted| database_type.contains(accepted)) {
        return Err(GeoIpError::WrongType { path, database_type: database_type.clone() });
    }
    Ok(reader)
}

impl GeoIp for MaxMindGeoIp {
    fn place(&self, ip: IpAddr) -> Option<Place> {
        let ip = ip.to_canonical();
        let reader = self.reader();
        if ip.is_ipv6() && reader.metadata().ip_version == 4 {
            return None;
        }
        let found = reader.lookup(ip).inspect_err(|error| self.report(error)).ok()?;
        let city = self.text(&found, &path!["city", "names", "en"]).filter(|name| is_name(name));
        let country = self.text(&found, &path!["country", "iso_code"]).filter(|code| is_country_code(code));
        if city.is_none() && country.is_none() {
            return None;
        }
        Some(Place { city: city.map(str::to_owned), country: country.map(str::to_owned) })
    }
}

/// A location database cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GeoIpError {
    /// The file is missing or may not be read.
    #[error("cannot read the location database {}: {cause}; {ACCEPTED}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        cause: io::Error,
    },
    /// The file is something else, still packed, damaged or cut short.
    #[error("{} is not a whole MaxMind DB file: {reason}; {ACCEPTED}", .path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The database does not tell places: it is about networks, providers or something else.
    #[error("{} is a database of type {database_type:?}; {ACCEPTED}", .path.display())]
    WrongType {
        /// The file.
        path: PathBuf,
        /// The type its metadata names.
        database_type: String,
    },
}

const TYPES: [&str; 3] = ["City", "Country", "Enterprise"];

const ACCEPTED: &str = "accepted is an unpacked .mmdb file of a City, Country or Enterprise database";

/// Places are shown in pages and mails. No city's name is longer or has control characters: such a text is damage.
fn is_name(text: &str) -> bool {
    (1..=200).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn is_country_code(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}
