//! `--format`.

use lazaret_format::formats::{FORMATS, Format};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputFormat {
    Table,
    Json,
    /// The name of another one of [`FORMATS`].
    Report(&'static str),
}

impl OutputFormat {
    pub(super) fn parser() -> impl clap::builder::TypedValueParser<Value = Self> {
        use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _};
        let values = FORMATS.iter().map(|format| PossibleValue::new(format.name).help(format.about));
        PossibleValuesParser::new(values).map(|name| match Format::named(&name).map(|format| format.name) {
            Some("json") => Self::Json,
            None | Some("table") => Self::Table,
            Some(name) => Self::Report(name),
        })
    }
}
