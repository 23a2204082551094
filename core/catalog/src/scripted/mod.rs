//! Languages that are not compiled to programs: their lock files, and what is installed.

mod beam;
mod dart;
mod haskell;
mod julia;
mod php;
mod r;
mod ruby;

use lazaret_model::{Ecosystem, PackageEvidence};

use crate::cataloger::{Cataloger, Read};
use crate::files::File;
use crate::pattern::{Name, Pattern, Place};
use crate::reading::Reading;

use PackageEvidence::{Declared, Installed};

pub(crate) const CATALOGERS: &[Cataloger] = &[
    each("bundler-lock", "Gemfile.lock of Bundler", Ecosystem::Gem, Declared, GEMFILE, ruby::lock),
    each("gem", "specifications of installed gems", Ecosystem::Gem, Installed, GEMS, ruby::specification),
    each("composer-lock", "composer.lock of PHP", Ecosystem::Composer, Declared, COMPOSER, php::lock),
    each("composer", "what Composer installed", Ecosystem::Composer, Installed, VENDOR, php::installed),
    each("mix-lock", "mix.lock of Elixir", Ecosystem::Hex, Declared, MIX, beam::mix),
    each("rebar-lock", "rebar.lock of Erlang", Ecosystem::Hex, Declared, REBAR, beam::rebar),
    each("pubspec-lock", "pubspec.lock of Dart", Ecosystem::Pub, Declared, PUBSPEC, dart::lock),
    each("renv-lock", "renv.lock of R", Ecosystem::Cran, Declared, RENV, r::lock),
    each("r", "installed packages of R", Ecosystem::Cran, Installed, DESCRIPTION, r::description),
    each("julia-manifest", "Manifest.toml of Julia", Ecosystem::Julia, Declared, JULIA, julia::manifest),
    each(
        "cabal-freeze",
        "cabal.project.freeze of Haskell",
        Ecosystem::Hackage,
        Declared,
        CABAL,
        haskell::freeze,
    ),
    each("stack-lock", "stack.yaml.lock of Haskell", Ecosystem::Hackage, Declared, STACK, haskell::stack),
];

const GEMFILE: &[Pattern] =
    &[Pattern::content(Place::Anywhere, Name::Around("Gemfile", ".lock")), named("gems.locked")];
/// Those that come with Ruby stand in a directory within the others.
const GEMS: &[Pattern] = &[
    Pattern::content(Place::InAnyEndingWith("specifications"), Name::EndsWith(".gemspec")),
    Pattern::content(Place::InAnyEndingWith("default"), Name::EndsWith(".gemspec")),
];
const COMPOSER: &[Pattern] = &[named("composer.lock")];
const VENDOR: &[Pattern] =
    &[Pattern::content(Place::InAnyEndingWith("composer"), Name::Exactly("installed.json"))];
const MIX: &[Pattern] = &[named("mix.lock")];
const REBAR: &[Pattern] = &[named("rebar.lock")];
const PUBSPEC: &[Pattern] = &[named("pubspec.lock")];
const RENV: &[Pattern] = &[named("renv.lock")];
const DESCRIPTION: &[Pattern] = &[named("DESCRIPTION")];
const JULIA: &[Pattern] = &[
    named("Manifest.toml"),
    named("JuliaManifest.toml"),
    Pattern::content(Place::Anywhere, Name::Around("Manifest-v", ".toml")),
];
const CABAL: &[Pattern] = &[named("cabal.project.freeze")];
const STACK: &[Pattern] = &[named("stack.yaml.lock")];

const fn named(name: &'static str) -> Pattern {
    Pattern::content(Place::Anywhere, Name::Exactly(name))
}

const fn each(
    name: &'static str,
    about: &'static str,
    ecosystem: Ecosystem,
    evidence: PackageEvidence,
    patterns: &'static [Pattern],
    read: fn(&File<'_>, &mut Reading<'_>),
) -> Cataloger {
    Cataloger { name, about, ecosystem, evidence, patterns, read: Read::Each(read), owners: None }
}
