//! The rows of the tables that this crate disagrees with, each with its reason.

/// Exceptions of a table: the row as it is written, without quotes, and why.
pub(crate) fn of(table: &str) -> &'static [(&'static str, &'static str)] {
    match table {
        "compare_osvdev_packagist" => &[ANY_NUMBER],
        "compare_osvscalibr_packagist" => &[ANY_NUMBER, FILLED_IN],
        "compare_osvscalibr_maven-generated" => QUALIFIERS_AFTER_DOTS,
        "range_go_mvn_version_requirement" => SOFT_REQUIREMENTS,
        "range_go_pep440_version_specifier" => &[PREDECESSORS],
        "range_go_version_constraint_semver" => OPTIONS,
        "valid_apk_osvdev" => APK_TOOLS_2,
        _ => &[],
    }
}

const ANY_NUMBER: (&str, &str) = (
    "composer,1.2.3.#,=,1.2.3.1",
    "the same table says 1.2.3.# = 1.2.3, and 1.2.3 < 1.2.3.1: no order can have all three",
);

const FILLED_IN: (&str, &str) =
    ("composer,1.0.0,>,1.0", "so says PHP's version_compare alone; Composer fills in both to 1.0.0.0 first");

const DOT: &str = "the letter of the POM reference, where .x is below -x and the zeros before .x count; Maven 4, like \
                   its table here, reads .x as -x";

const DOTTED_NUMBER: &str = "with .x read as -x, the number after the dot is above the one after the hyphen, as \
                             3.2.0rc2 < 3.2.0-rc.1 of the same table wants";

const QUALIFIERS_AFTER_DOTS: &[(&str, &str)] = &[
    ("maven,1.0.0-RC16,<,1.0.0.RC8-beta", DOT),
    ("maven,1.0.0-gradle-rework-beta3,<,1.0.0.RC7-3", DOT),
    ("maven,2.9.0-1,<,2.9.0.RC1", DOT),
    ("maven,3.6.2.FL.20090615,<,3.6.2-FL-2009-05-11", DOTTED_NUMBER),
    ("maven,6.1.12.rc5,<,6.1.12rc1", DOT),
    ("maven,1.1.31.sec10,<,1.1.31_noneautotype", DOT),
    ("maven,1.1.34.sec10,<,1.1.34_noneautotype", DOT),
    ("maven,1.1.46.sec10,<,1.1.46_noneautotype", DOT),
    ("maven,1.2.8.sec10_noneautotype,<,1.2.8_noneautotype", DOT),
    ("maven,1.2.31.sec10,<,1.2.31_noneautotype", DOT),
    ("maven,1.2.48.sec10,<,1.2.48_noneautotype", DOT),
    ("maven,1.2.50.sec10,<,1.2.50_noneautotype", DOT),
    ("maven,1.2.54.sec10,<,1.2.54_noneautotype", DOT),
    ("maven,1.2.57.sec10,<,1.2.57_noneautotype", DOT),
    ("maven,1.2.60.sec10,<,1.2.60_noneautotype", DOT),
    ("maven,1.2.67.sec10,<,1.2.67_noneautotype", DOT),
    ("maven,1.0.0rc0,<,1.0.beta8", DOT),
    ("maven,1.5.9.RC1,<,1.5.9-RC0", DOT),
    ("maven,3.5.0-CR-2,<,3.5.0.Beta-1", DOT),
    ("maven,1.1.0-01-glassfish,<,1.1.0.Beta1", DOT),
];

const SOFT: &str = "in a POM a bare version is a wish that any version fulfils; in a list of affected versions it is \
                    that version, as compare tables of the same library have it";

const SOFT_REQUIREMENTS: &[(&str, &str)] = &[("maven,1.0,2.0,true", SOFT), ("maven,1.0,0.1,true", SOFT)];

const PREDECESSORS: (&str, &str) = (
    "pypi,2.0a1,<2,true",
    "asked with an option of that library; without it the same table has it false, as Python's packaging has",
);

const PRERELEASE: &str =
    "asked without that library's option WithPreRelease: an advisory for `<2` means 2.0.0-rc.1 too";

const PADDING: &str = "asked without that library's option WithZeroPadding, so that missing numbers match any; here, as \
                       with it, they are zero";

const OPTIONS: &[(&str, &str)] = &[
    ("semver,>=0,0.0.1-alpha,false", PRERELEASE),
    ("semver,>0,0.0.1-alpha,false", PRERELEASE),
    ("semver,>0.0,0.0.1-alpha,false", PRERELEASE),
    ("semver,>=0.0,0.0.1-alpha,false", PRERELEASE),
    ("semver,!=4.1,5.1.0-alpha.1,false", PRERELEASE),
    ("semver,*,1.2.3-alpha.1,false", PRERELEASE),
    ("semver,,1.2.3-alpha.1,false", PRERELEASE),
    ("semver,^1.2.0,1.2.1-alpha.1,false", PRERELEASE),
    ("semver,>=1.1,4.1.0-beta,false", PRERELEASE),
    ("semver,<=1.1,0.1.0-alpha,false", PRERELEASE),
    ("semver,^1.x,1.1.1-beta1,false", PRERELEASE),
    ("semver,~1.1,1.1.1-alpha,false", PRERELEASE),
    ("semver,!=4.1-alpha,4.1.0,false", PRERELEASE),
    ("semver,<0,0.0.0-alpha,false", PRERELEASE),
    ("semver,>0.0-0,0.0.1-alpha,false", PRERELEASE),
    ("semver,>0-0,0.0.1-alpha,false", PRERELEASE),
    ("semver,>0-0,0.0.0-alpha,false", PRERELEASE),
    ("semver,>=0-0,0.0.1-alpha,false", PRERELEASE),
    ("semver,>=0.0-0,0.0.1-alpha,false", PRERELEASE),
    ("semver,>=0-0,0.0.0-alpha,false", PRERELEASE),
    ("semver,<0-z,0.0.0-alpha,false", PRERELEASE),
    ("semver,!=4.1-alpha,4.1.1-alpha,false", PRERELEASE),
    ("semver,<=1.1-a,0.1.0-alpha,false", PRERELEASE),
    ("semver,~1.1-alpha,1.1.1-beta,false", PRERELEASE),
    ("semver,=2.0,2.0.1,true", PADDING),
    ("semver,== 2.0,2.0.1,true", PADDING),
    ("semver,==2.0,2.0.1,true", PADDING),
    ("semver,2,2.1.1,true", PADDING),
    ("semver,2.1,2.1.1,true", PADDING),
    ("semver,!=4.1,4.1.1,false", PADDING),
    ("semver,<=11,11.2.3,true", PADDING),
    ("semver,<=1.1,1.1.1,true", PADDING),
    ("semver,>11,11.1.0,false", PADDING),
    ("semver,>11.1,11.1.1,false", PADDING),
    ("semver,>=0,0.0.0-alpha,true", PADDING),
    ("semver,>1.1, <2,1.1.1,false", PADDING),
    ("semver, >1.1 <2 ,1.1.1,false", PADDING),
    ("semver,>=1.1, <2, !=1.2.3 || > 3,3.1.2,false", PADDING),
    ("semver,>= 1.1, <2, != 1.2.3 || > 3,3.1.2,false", PADDING),
];

const NUMBER: &str =
    "apk-tools 2 took a number after the letter; the table of apk-tools 3 forbids it (0.1a1)";

const APK_TOOLS_2: &[(&str, &str)] = &[
    ("apk,6.6.2p1-r0,true", NUMBER),
    ("apk,6.6.4p1-r2,true", NUMBER),
    ("apk,16.6.4p1-r1,true", NUMBER),
    ("apk,3.3.3p1-r3,true", NUMBER),
    ("apk,6.7.1p1-r1,true", NUMBER),
    (
        "apk,# Versions with . connecting the revisions instead of -,true",
        "a comment that was taken for a version",
    ),
];
