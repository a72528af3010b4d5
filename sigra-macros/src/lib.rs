//! The attribute [`macro@operation`], which `sigra-core` hands on as `sigra_core::telemetry::operation`.
//!
//! It wraps a body and looks no further into a function, so it reads no Rust: what it needs are the last braces.

use std::iter::once;

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// Makes an `async fn` an operation: it runs in a span that says at its end how it ended.
///
/// `#[operation("shop.gift_card.redeem")]` is `sigra_core::observe!` around the body of the function, and takes what goes
/// before the work there: the name, and a level where it is not `INFO`. The function answers a
/// `Result<impl sigra_core::telemetry::Outcome, FlowError>`. No argument becomes a field.
///
/// A function of an `#[async_trait]` may carry it too. The crate it is used in depends on `sigra-core` by that name.
///
/// # Panics
///
/// On anything else, which does not compile then.
#[proc_macro_attribute]
pub fn operation(arguments: TokenStream, function: TokenStream) -> TokenStream {
    let mut function: Vec<TokenTree> = function.into_iter().collect();
    let body = function.pop().and_then(|last| group(last, Delimiter::Brace)).expect("an operation has a body");
    let body = if function.iter().any(is_async) { observed(&arguments, &body) } else { within_box(&arguments, &body) };
    function.push(TokenTree::Group(body));
    function.into_iter().collect()
}

/// `{ body }`, observed.
fn observed(arguments: &TokenStream, body: &Group) -> Group {
    let mut call: TokenStream = "::sigra_core::observe!".parse().expect("these are tokens");
    let mut inner = arguments.clone();
    inner.extend::<TokenStream>(", async move".parse().expect("these are tokens"));
    inner.extend(once(TokenTree::Group(body.clone())));
    call.extend(once(TokenTree::Group(Group::new(Delimiter::Parenthesis, inner))));
    like(body, call)
}

/// `{ Box::pin(async move { body }) }`, as `#[async_trait]` leaves it, with the body observed.
fn within_box(arguments: &TokenStream, body: &Group) -> Group {
    let mut outer: Vec<TokenTree> = body.stream().into_iter().collect();
    let boxed =
        outer.pop().and_then(|last| group(last, Delimiter::Parenthesis)).expect("an operation is an `async fn`");
    let mut inner: Vec<TokenTree> = boxed.stream().into_iter().collect();
    let work = inner.pop().and_then(|last| group(last, Delimiter::Brace)).filter(|_| inner.iter().any(is_async));
    let work = work.expect("an operation is an `async fn`");
    inner.push(TokenTree::Group(observed(arguments, &work)));
    outer.push(TokenTree::Group(like(&boxed, inner.into_iter().collect())));
    like(body, outer.into_iter().collect())
}

fn is_async(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Ident(word) if word.to_string() == "async")
}

fn group(token: TokenTree, delimiter: Delimiter) -> Option<Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// A group around other tokens, at the place and with the delimiters of one that was there.
fn like(group: &Group, tokens: TokenStream) -> Group {
    let mut new = Group::new(group.delimiter(), tokens);
    new.set_span(group.span());
    new
}
