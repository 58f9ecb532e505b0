//! Whether two records tell of one graphics adapter.

use tare_record::Adapter;

/// Words in the names of adapters, and who makes them: most browsers tell no more than that.
const MAKERS: [(&str, &str); 14] = [
    ("swiftshader", "SwiftShader"),
    ("llvmpipe", "Mesa on the CPU"),
    ("lavapipe", "Mesa on the CPU"),
    ("basic render", "WARP"),
    ("nvidia", "NVIDIA"),
    ("geforce", "NVIDIA"),
    ("radeon", "AMD"),
    ("amd", "AMD"),
    ("intel", "Intel"),
    ("apple", "Apple"),
    ("qualcomm", "Qualcomm"),
    ("adreno", "Qualcomm"),
    ("mali", "Arm"),
    ("arm", "Arm"),
];

fn maker(adapter: &Adapter) -> Option<&'static str> {
    let name = adapter.name.to_ascii_lowercase();
    let known = MAKERS.iter().find(|(word, _)| name.contains(word));
    known.map(|(_, maker)| *maker)
}

/// Whether an adapter is called by its own name. Browsers that hide it give vendor and architecture, in lower case.
fn is_named(adapter: &Adapter) -> bool {
    adapter.name.contains(char::is_uppercase)
}

/// Why two cells did not compute on one adapter, as far as their records tell.
pub(crate) fn difference(a: Option<&Adapter>, b: Option<&Adapter>) -> Option<String> {
    let (a, b) = match (a, b) {
        (None, None) => return None,
        (Some(a), Some(b)) => (a, b),
        _ => return Some("one computed on a graphics adapter and the other did not".into()),
    };
    if a.software != b.software {
        return Some("one graphics adapter computes on the CPU and the other does not".into());
    }
    let differ = match (maker(a), maker(b)) {
        _ if is_named(a) && is_named(b) => a.name != b.name,
        (Some(one), Some(other)) => one != other,
        _ => false,
    };
    differ.then(|| format!("the graphics adapters differ: {} and {}", a.name, b.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_drivers_and_of_browsers_meet() {
        let adapter = |name: &str, software| Adapter {
            name: name.into(),
            graphics_api: "vulkan".into(),
            driver: String::new(),
            software,
            features: vec![],
            limits: Default::default(),
        };
        for (native, browser, same) in [
            ("SwiftShader Device (Subzero)", "google swiftshader", true),
            ("NVIDIA H100 80GB HBM3", "nvidia hopper", true),
            ("NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3", true),
            ("NVIDIA H100 80GB HBM3", "NVIDIA H200", false),
            ("AMD Radeon RX 6800", "amd rdna-2", true),
            ("Intel(R) UHD Graphics 620", "intel gen-9", true),
            ("Apple M2 Pro", "apple common-3", true),
            ("NVIDIA GeForce RTX 4070", "intel gen-12lp", false),
            // A browser that hides everything can neither be told apart nor be known.
            ("NVIDIA GeForce RTX 4070", "unnamed", true),
        ] {
            let found = difference(Some(&adapter(native, false)), Some(&adapter(browser, false)));
            assert_eq!(found.is_none(), same, "{native} {browser}");
        }
        let [hardware, software] = [false, true].map(|software| adapter("intel", software));
        assert!(difference(Some(&hardware), Some(&software)).unwrap().contains("CPU"));
        assert!(difference(Some(&hardware), None).is_some() && difference(None, None).is_none());
    }
}
