//! Mail into a folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sigra_core::id::MailId;
use sigra_core::mail::{MailError, MailKind, Mailer as _, Message};
use sigra_mail::{DirMailer, MailTarget, to_eml};
use tempfile::tempdir;

use crate::support::{at, compose, sender, templates};

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn later(message: &Message, by: Duration) -> Message {
    Message { id: MailId::new(at() + by), ..message.clone() }
}

#[tokio::test]
async fn each_mail_is_one_whole_file_and_names_sort_by_time() {
    let dir = tempdir().unwrap();
    let folder = dir.path().join("new/mail");
    let mailer = MailTarget::Dir(folder.clone()).open(sender()).unwrap();
    let first = compose(&templates(), &MailKind::MAGIC_LINK);
    let messages: Vec<_> = (0..20).map(|n| later(&first, Duration::from_millis(n))).collect();
    for message in messages.iter().rev() {
        mailer.send(message).await.unwrap();
    }
    let expected: Vec<_> = messages.iter().map(|message| format!("{}.eml", message.id)).collect();
    assert_eq!(names(&folder), expected, "sorted by time, and no hidden file is left");
    for message in &messages {
        let file = fs::read(folder.join(format!("{}.eml", message.id))).unwrap();
        assert_eq!(file, to_eml(&sender(), message).unwrap());
    }
}

#[tokio::test]
async fn the_same_mail_again_is_the_same_file() {
    let dir = tempdir().unwrap();
    let mailer = DirMailer::new(dir.path(), sender()).unwrap();
    let message = compose(&templates(), &MailKind::MAGIC_LINK);
    mailer.send(&message).await.unwrap();
    mailer.send(&message).await.unwrap();
    assert_eq!(names(dir.path()).len(), 1);
}

#[test]
fn racing_senders_of_one_mail_leave_one_whole_file() {
    let dir = tempdir().unwrap();
    let message = compose(&templates(), &MailKind::MAGIC_LINK);
    let mailer = DirMailer::new(dir.path(), sender()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(mailer.send(&message)).unwrap();
            });
        }
    });
    let name = format!("{}.eml", message.id);
    assert_eq!(names(dir.path()), [name.as_str()]);
    assert_eq!(fs::read(dir.path().join(name)).unwrap(), to_eml(&sender(), &message).unwrap());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads_mail() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempdir().unwrap();
    let message = compose(&templates(), &MailKind::MAGIC_LINK);
    DirMailer::new(dir.path(), sender()).unwrap().send(&message).await.unwrap();
    let file = fs::metadata(dir.path().join(format!("{}.eml", message.id))).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_folder_that_is_gone_is_worth_another_try() {
    let dir = tempdir().unwrap();
    let mailer = DirMailer::new(dir.path().join("mail"), sender()).unwrap();
    fs::remove_dir(mailer.dir()).unwrap();
    let error = mailer.send(&compose(&templates(), &MailKind::MAGIC_LINK)).await.unwrap_err();
    assert!(matches!(error, MailError::Temporary(..)), "{error:?}");
}

#[test]
fn a_folder_that_cannot_be_made_is_told_at_once() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let error = MailTarget::Dir(dir.path().join("file/mail")).open(sender()).err().expect("an error");
    assert!(error.to_string().starts_with("the mailer could not be set up: "), "{error}");
}
