//! What Lazaret needs to get its own packages back, as named texts that any format can carry.

use std::borrow::Cow;

use lazaret_model::{
    Digest, Ecosystem, Image, Layer, Package, PackageEvidence, Platform, Problem, ProblemKind, SourcePackage,
};

use super::property;

pub(crate) type Fields<'a> = Vec<(Cow<'static, str>, Cow<'a, str>)>;

/// A hostile image can have any number of problems; that there are more is said.
const MOST_PROBLEMS: usize = 100;

/// Of one package, with what a format adds.
const MOST_FIELDS: usize = 10;

/// All but what every format has a field for: name, version, location and licences.
///
/// `layers` are the [names of the image's layers](layer_names).
pub(crate) fn package_fields<'a>(package: &'a Package, layers: &'a [String]) -> Fields<'a> {
    let mut fields: Fields<'a> = Vec::with_capacity(MOST_FIELDS);
    fields.push((property::ECOSYSTEM.into(), package.ecosystem.name().into()));
    let mut add = |name: &'static str, value: Option<Cow<'a, str>>| {
        fields.extend(value.map(|value| (name.into(), value)));
    };
    add(property::ARCHITECTURE, package.architecture.as_deref().map(Cow::from));
    add(property::SOURCE, Some(package.source.name.as_str().into()));
    add(property::SOURCE_VERSION, Some(package.source.version.as_str().into()));
    add(property::EVIDENCE, Some(package.evidence.name().into()));
    add(property::OWNER, package.owner.as_deref().map(Cow::from));
    add(property::MODULE, package.module.as_deref().map(Cow::from));
    add(property::LAYER_INDEX, Some(package.layer.to_string().into()));
    add(property::LAYER_DIFF_ID, layer_name(package, layers).map(Cow::from));
    fields
}

/// What each layer of an image is called. Thousands of packages name one: its text is made once.
pub(crate) fn layer_names(image: &Image) -> Vec<String> {
    image.layers.iter().map(|layer| layer.diff_id.to_string()).collect()
}

/// The layer that brought a package, if the image has it.
pub(crate) fn layer_name<'l>(package: &Package, layers: &'l [String]) -> Option<&'l str> {
    usize::try_from(package.layer).ok().and_then(|at| layers.get(at)).map(String::as_str)
}

pub(crate) fn image_fields(image: &Image) -> Fields<'_> {
    let mut fields: Fields<'_> = vec![
        (property::CONFIG.into(), image.config.to_string().into()),
        (property::PLATFORM.into(), image.platform.to_string().into()),
    ];
    fields.extend(image.created.as_deref().map(|created| (property::CREATED.into(), created.into())));
    for (at, layer) in image.layers.iter().enumerate() {
        let name = |field: &str| format!("{}{at}:{field}", property::LAYER).into();
        fields.push((name("diffId"), layer.diff_id.to_string().into()));
        fields.push((name("createdBy"), layer.created_by.as_str().into()));
        fields.push((name("size"), layer.size.to_string().into()));
    }
    fields
}

pub(crate) fn problem_fields(problems: &[Problem]) -> Fields<'static> {
    let mut fields: Fields<'static> = problems
        .iter()
        .take(MOST_PROBLEMS)
        .map(|problem| (property::PROBLEM.into(), problem.to_string().into()))
        .collect();
    if let Some(more) = problems.len().checked_sub(MOST_PROBLEMS).filter(|more| *more > 0) {
        fields.push((property::PROBLEM.into(), format!("{more} more things could not be read").into()));
    }
    fields
}

/// What a document has fields of its own for.
#[derive(Debug, Default)]
pub(crate) struct Restored {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) location: String,
    pub(crate) licences: Vec<String>,
}

/// The package that [`package_fields`] wrote; the name of the field that is missing or wrong otherwise.
pub(crate) fn restore_package<'f>(
    find: impl Fn(&'static str) -> Option<&'f str>,
    rest: Restored,
) -> Result<Package, &'static str> {
    let needed = |name: &'static str| find(name).ok_or(name);
    let owned = |name: &'static str| find(name).map(str::to_owned);
    let ecosystem = Ecosystem::from_name(needed(property::ECOSYSTEM)?).ok_or(property::ECOSYSTEM)?;
    let evidence = match find(property::EVIDENCE) {
        // The first documents had no such field, and told only of what is installed.
        None => PackageEvidence::Installed,
        Some(name) => PackageEvidence::from_name(name).ok_or(property::EVIDENCE)?,
    };
    Ok(Package {
        ecosystem,
        name: rest.name,
        version: rest.version,
        architecture: owned(property::ARCHITECTURE),
        source: SourcePackage {
            name: needed(property::SOURCE)?.to_owned(),
            version: needed(property::SOURCE_VERSION)?.to_owned(),
        },
        location: rest.location,
        layer: needed(property::LAYER_INDEX)?.parse().map_err(|_| property::LAYER_INDEX)?,
        evidence,
        licences: rest.licences,
        owner: owned(property::OWNER),
        module: owned(property::MODULE),
    })
}

/// Fills `image` with what [`image_fields`] wrote; the name of the field that is missing or wrong otherwise.
pub(crate) fn restore_image<'f>(
    fields: impl Iterator<Item = (&'f str, &'f str)> + Clone,
    image: &mut Image,
) -> Result<(), &'static str> {
    let find = |name: &'static str| fields.clone().find(|(key, _)| *key == name).map(|(_, value)| value);
    let config: Digest = find(property::CONFIG).and_then(|text| text.parse().ok()).ok_or(property::CONFIG)?;
    image.config = config;
    if let Some(text) = find(property::PLATFORM) {
        image.platform = platform(text).ok_or(property::PLATFORM)?;
    }
    image.created = find(property::CREATED).map(str::to_owned);
    image.layers = restore_layers(fields)?;
    Ok(())
}

fn platform(text: &str) -> Option<Platform> {
    let mut parts = text.splitn(3, '/');
    Some(Platform {
        os: parts.next()?.to_owned(),
        architecture: parts.next()?.to_owned(),
        variant: parts.next().map(str::to_owned),
    })
}

/// Layers are numbered; each must be complete and in its place.
fn restore_layers<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> Result<Vec<Layer>, &'static str> {
    let mut layers: Vec<Layer> = Vec::new();
    let numbered = |(name, value): (&'f str, &'f str)| {
        let (number, field) = name.strip_prefix(property::LAYER)?.split_once(':')?;
        Some((number, field, value))
    };
    let mut fields = fields.filter_map(numbered).peekable();
    while let Some((number, field, diff_id)) = fields.next() {
        let mut rest =
            |name| fields.next_if(|(at, field, _)| *at == number && *field == name).map(|(.., value)| value);
        let (created_by, size) = (rest("createdBy"), rest("size").map(str::parse));
        match (field, diff_id.parse(), created_by, size) {
            ("diffId", Ok(diff_id), Some(created_by), Some(Ok(size)))
                if number == layers.len().to_string() =>
            {
                layers.push(Layer { diff_id, created_by: created_by.to_owned(), size });
            }
            _ => return Err(property::LAYER),
        }
    }
    Ok(layers)
}

/// A problem from its sentence, `usr/share/big: larger than 64 MiB (limit)`.
pub(crate) fn restore_problem(text: &str) -> Problem {
    const KINDS: &[ProblemKind] =
        &[ProblemKind::Malformed, ProblemKind::Limit, ProblemKind::Unreadable, ProblemKind::Unsupported];
    let told = text.strip_suffix(')').and_then(|text| text.rsplit_once(" ("));
    let kind = told.and_then(|(rest, kind)| Some((rest, KINDS.iter().find(|known| known.name() == kind)?)));
    match kind.and_then(|(rest, kind)| Some((rest.split_once(": ")?, kind))) {
        Some(((subject, detail), kind)) => Problem::new(*kind, subject, detail),
        None => Problem::new(ProblemKind::Unreadable, "bill of material", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_come_back() {
        for problem in [
            Problem::new(ProblemKind::Limit, "usr/share/big", "larger than 64 MiB"),
            Problem::new(ProblemKind::Malformed, "a (b)", "c: d (e)"),
        ] {
            assert_eq!(restore_problem(&problem.to_string()), problem);
        }
        assert_eq!(restore_problem("3 more").subject, "bill of material");
        let many = vec![Problem::new(ProblemKind::Limit, "a", "b"); 103];
        let fields = problem_fields(&many);
        assert_eq!((fields.len(), &*fields[100].1), (101, "3 more things could not be read"));
    }
}
