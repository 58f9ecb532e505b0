/// Code that takes bytes of strangers.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is that of its folder of kept inputs too.
    pub name: &'static str,
    /// Takes any bytes. Panics if they do harm.
    pub run: fn(&[u8]),
    /// Inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words that inputs are made of, for mutations.
    pub words: &'static [&'static str],
    /// Longer inputs find nothing new.
    pub longest: usize,
    /// Runs that take about a second in a debug build.
    pub runs_of_test: usize,
}
