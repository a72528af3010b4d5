//! QR codes as SVG.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder, QRCode};
use zeroize::Zeroizing;

/// The light border that readers need (ISO/IEC 18004 section 9.1), in modules.
const QUIET: usize = 4;

/// Draws `text`. Attributes alone say how it looks: a policy without inline styles leaves it as it is.
pub(super) fn svg(text: &str) -> Zeroizing<String> {
    // An issuer of 64 bytes, twice, and an address of 254, each byte escaped to three characters, are 1,300 with the
    // rest; a code of this level holds 2,331 (ISO/IEC 18004 table 7).
    let code = QRBuilder::new(text).ecl(ECL::M).build().expect("what a code is made for fits into one");
    let side = code.size + 2 * QUIET;
    let mut svg = Zeroizing::new(String::with_capacity(64 * 1_024));
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"240\" height=\"240\" \
        role=\"img\" aria-label=\"QR code for an authenticator app\" shape-rendering=\"crispEdges\">\
        <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\""
    );
    for (x, y, length) in (0..code.size).flat_map(|y| runs(&code, y)) {
        let _ = write!(svg, "M{} {}h{length}v1h-{length}z", x + QUIET, y + QUIET);
    }
    svg.push_str("\"/></svg>");
    svg
}

/// The dark stretches of a row: where each starts, and its length.
fn runs(code: &QRCode, y: usize) -> Vec<(usize, usize, usize)> {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for (x, _) in code[y].iter().enumerate().filter(|(_, module)| module.value()) {
        match runs.last_mut() {
            Some((start, _, length)) if *start + *length == x => *length += 1,
            _ => runs.push((x, y, 1)),
        }
    }
    runs
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Reads a code as a camera would, off the drawing.
    pub(in crate::totp) fn read(svg: &str) -> String {
        const SCALE: usize = 4;
        let side: usize = between(svg, "viewBox=\"0 0 ", " ").parse().unwrap();
        let mut dark = vec![false; side * side];
        for run in between(svg, "fill=\"#000\" d=\"M", "\"").trim_end_matches('z').split("zM") {
            let mut numbers = run.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<usize>());
            let mut next = || numbers.next().unwrap().unwrap();
            let (x, y, length) = (next(), next(), next());
            dark[y * side + x..][..length].fill(true);
        }
        let shade = |x: usize, y: usize| if dark[y / SCALE * side + x / SCALE] { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side * SCALE, side * SCALE, shade);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
        text.split_once(before).unwrap().1.split_once(after).unwrap().0
    }

    #[test]
    fn texts_of_every_length_read_back() {
        for length in (1..=1_300).step_by(37) {
            let text: String = "otpauth://totp/?secret=ABCDE".chars().cycle().take(length).collect();
            assert_eq!(read(&svg(&text)), text, "{length}");
        }
    }

    #[test]
    fn mf_20_nothing_is_loaded_and_a_policy_without_inline_code_blocks_nothing() {
        let svg = svg("otpauth://totp/A:b?secret=ABC").to_lowercase();
        for bad in ["style", "<script", "href", "url(", "<image", "<?xml", "javascript", " on", "class"] {
            assert!(!svg.contains(bad), "{bad}");
        }
        assert_eq!(svg.matches("://").count(), 1, "the namespace alone");
        assert!(!svg.contains("secret"));
    }
}
