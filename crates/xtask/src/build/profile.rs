/// How to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Every day and in tests.
    Release,
    /// As it ships.
    Dist,
}

impl Profile {
    pub(crate) fn dist_if(dist: bool) -> Self {
        if dist { Profile::Dist } else { Profile::Release }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Profile::Release => "release",
            Profile::Dist => "dist",
        }
    }

    /// Of the page, which is built small: every visitor waits for it.
    pub(crate) fn of_page(self) -> &'static str {
        match self {
            Profile::Release => "page",
            Profile::Dist => "page-dist",
        }
    }
}
