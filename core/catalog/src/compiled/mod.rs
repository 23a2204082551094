//! Lock files of languages that are compiled, and what .NET programs say of themselves.

mod apple;
mod cargo;
mod conan;
mod dotnet;
mod go;
mod nuget;

use lazaret_model::{Ecosystem, PackageEvidence};

use crate::cataloger::{Cataloger, Read};
use crate::files::File;
use crate::pattern::{Name, Pattern, Place};
use crate::reading::Reading;

pub(crate) const CATALOGERS: &[Cataloger] = &[
    lock("cargo-lock", "Cargo.lock of Rust", Ecosystem::Cargo, CARGO, cargo::lock),
    Cataloger {
        name: "go-mod",
        about: "modules that Go projects want",
        ecosystem: Ecosystem::Go,
        evidence: PackageEvidence::Declared,
        patterns: go::PATTERNS,
        read: Read::Together(go::read),
        owners: None,
    },
    lock("conan-lock", "lock files of Conan 1 and 2", Ecosystem::Conan, CONAN_LOCK, conan::lock),
    lock("conanfile", "conanfile.txt", Ecosystem::Conan, CONANFILE, conan::manifest),
    lock(
        "swift-resolved",
        "Package.resolved of Swift, formats 1 to 3",
        Ecosystem::Swift,
        SWIFT,
        apple::resolved,
    ),
    lock("cocoapods-lock", "Podfile.lock of CocoaPods", Ecosystem::CocoaPods, PODS, apple::pods),
    Cataloger {
        name: "dotnet-deps",
        about: "libraries beside .NET programs",
        ecosystem: Ecosystem::Nuget,
        evidence: PackageEvidence::Installed,
        patterns: DOTNET,
        read: Read::Each(dotnet::read),
        owners: None,
    },
    lock("nuget-lock", "packages.lock.json of NuGet", Ecosystem::Nuget, NUGET_LOCK, nuget::lock),
    lock("nuget-config", "packages.config of NuGet", Ecosystem::Nuget, NUGET_CONFIG, nuget::config),
    lock("nuget-props", "central versions of .NET projects", Ecosystem::Nuget, NUGET_PROPS, nuget::props),
    lock("paket-lock", "paket.lock of .NET projects", Ecosystem::Nuget, PAKET, nuget::paket),
];

const CARGO: &[Pattern] = &[named("Cargo.lock")];
const CONAN_LOCK: &[Pattern] = &[named("conan.lock")];
const CONANFILE: &[Pattern] = &[named("conanfile.txt")];
const SWIFT: &[Pattern] = &[named("Package.resolved")];
const PODS: &[Pattern] = &[named("Podfile.lock")];
const DOTNET: &[Pattern] = &[Pattern::content(Place::Anywhere, Name::EndsWith(".deps.json"))];
const NUGET_LOCK: &[Pattern] = &[named("packages.lock.json")];
const NUGET_CONFIG: &[Pattern] = &[named("packages.config")];
const NUGET_PROPS: &[Pattern] =
    &[named("Directory.Packages.props"), named("Packages.props"), named("packages.props")];
const PAKET: &[Pattern] = &[named("paket.lock")];

const fn named(name: &'static str) -> Pattern {
    Pattern::content(Place::Anywhere, Name::Exactly(name))
}

const fn lock(
    name: &'static str,
    about: &'static str,
    ecosystem: Ecosystem,
    patterns: &'static [Pattern],
    read: fn(&File<'_>, &mut Reading<'_>),
) -> Cataloger {
    Cataloger {
        name,
        about,
        ecosystem,
        evidence: PackageEvidence::Declared,
        patterns,
        read: Read::Each(read),
        owners: None,
    }
}
