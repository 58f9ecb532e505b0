/// Name and main version of a browser, from its user agent string. Browsers that are built on
/// Chromium and do not say their own name are `Chromium`.
pub fn browser_name(user_agent: &str) -> Option<String> {
    // Most specific first: all of them claim to be Safari too, and most to be Chrome.
    const TOKENS: [(&str, &str); 9] = [
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox for iOS"),
        ("CriOS/", "Chrome for iOS"),
        ("EdgiOS/", "Edge for iOS"),
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Chrome/", "Chromium"),
        ("Version/", "Safari"),
    ];
    let (token, name) = TOKENS.iter().find(|(token, _)| user_agent.contains(token))?;
    let (_, rest) = user_agent.split_once(token)?;
    let version: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!version.is_empty()).then(|| format!("{name} {version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named_by_their_user_agents() {
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36",
                Some("Chromium 156"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
                Some("Edge 131"),
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                Some("Firefox 140"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
                Some("Safari 18"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
                Some("Chrome for iOS 131"),
            ),
            ("curl/8.1", None),
            ("Chrome/", None),
            ("", None),
        ] {
            assert_eq!(browser_name(user_agent).as_deref(), expected, "{user_agent}");
        }
    }
}
