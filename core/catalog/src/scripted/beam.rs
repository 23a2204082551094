//! Lock files of Elixir (`mix.lock`) and Erlang (`rebar.lock`): terms of the language, a package a line.

use lazaret_model::Ecosystem;

use crate::files::File;
use crate::reading::Reading;
use crate::stated;

/// `"jason": {:hex, :jason, "1.3.0", …}`; what comes from Git has no version.
pub(super) fn mix(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(text) = stated::text(file, reading) else { return };
    let packages = text.lines().filter_map(|line| {
        let (_, term) = line.split_once("{:hex,")?;
        let (name, rest) = term.trim_start().strip_prefix(':')?.split_once(',')?;
        let version = rest.trim_start().strip_prefix('"')?.split('"').next()?;
        // Names that are no plain atoms stand in quotation marks.
        Some((name.trim().trim_matches('"'), version))
    });
    stated::declare(file, reading, Ecosystem::Hex, packages);
}

/// `{<<"cowboy">>,{pkg,<<"cowboy">>,<<"2.9.0">>},0}`
pub(super) fn rebar(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(text) = stated::text(file, reading) else { return };
    let packages = text.split("{pkg,").skip(1).filter_map(|term| {
        let mut strings = term.split("<<\"").skip(1).map(|text| text.split('"').next().unwrap_or_default());
        Some((strings.next()?, strings.next()?))
    });
    stated::declare(file, reading, Ecosystem::Hex, packages);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stated::testing;

    const MIX: &str = "%{\n  \"jason\": {:hex, :jason, \"1.3.0\", \"fa6b\", [:mix], [{:decimal, \"~> 1.0\", [hex: :decimal]}], \"hexpm\", \"53fc\"},\n  \
        \"esaml\": {:git, \"https://example.org/esaml.git\", \"4294\", []},\n  \"b\": {:hex, :\"b\", \"0.1\", \"x\"},\n}\n";
    const REBAR: &str = "{\"1.2.0\",\n[{<<\"cowboy\">>,{pkg,<<\"cowboy\">>,<<\"2.9.0\">>},0},\n {<<\"cowlib\">>,{pkg,<<\"cowlib\">>,<<\"2.11.0\">>},1}]}.\n[\n{pkg_hash,[\n {<<\"cowboy\">>, <<\"865D\">>}]}\n].\n";

    #[test]
    fn reads_locks() {
        assert_eq!(
            testing::read(mix, "mix.lock", MIX),
            (vec!["jason 1.3.0".to_owned(), "b 0.1".to_owned()], 0)
        );
        let found = vec!["cowboy 2.9.0".to_owned(), "cowlib 2.11.0".to_owned()];
        assert_eq!(testing::read(rebar, "rebar.lock", REBAR), (found, 0));
    }

    #[test]
    fn takes_anything() {
        testing::survives(mix, "mix.lock", MIX);
        testing::survives(rebar, "rebar.lock", REBAR);
    }
}
