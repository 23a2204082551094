//! One definition: what it says of itself, and its criteria.

use std::borrow::Cow;

use lazaret_model::{AdvisoryStatus, Severity};

use super::super::words;
use super::super::xml::{Node, Tag, Xml, XmlError};

#[derive(Debug, Default)]
pub(super) struct Definition<'d> {
    pub(super) id: Cow<'d, str>,
    pub(super) title: String,
    pub(super) description: Cow<'d, str>,
    pub(super) platforms: Vec<Cow<'d, str>>,
    /// Debian's name of the source package.
    pub(super) product: Cow<'d, str>,
    /// CVEs, each once, in their order.
    pub(super) cves: Vec<String>,
    /// Ids of the vendor's own announcements.
    pub(super) others: Vec<String>,
    pub(super) severity: Option<Severity>,
    pub(super) published: Option<String>,
    /// Microsoft's word for an id that is not in the package: `Not Applicable`.
    pub(super) does_not_apply: bool,
    /// What Red Hat says of components without a fix.
    pub(super) resolutions: Vec<(AdvisoryStatus, Cow<'d, str>)>,
    /// The tree, as a list: each node after the one it is in.
    pub(super) criteria: Vec<Criterion<'d>>,
}

#[derive(Debug)]
pub(super) struct Criterion<'d> {
    /// The place of the node it is in; the root is in itself.
    pub(super) parent: usize,
    pub(super) kind: Kind<'d>,
}

#[derive(Debug)]
pub(super) enum Kind<'d> {
    All,
    Any,
    /// Another definition is asked, or the opposite of a criterion: for systems, never for versions.
    Other,
    Test {
        test: Cow<'d, str>,
        comment: Cow<'d, str>,
    },
}

impl<'d> Definition<'d> {
    pub(super) fn read(xml: &mut Xml<'d>, tag: &Tag<'d>) -> Result<Self, XmlError> {
        let mut found = Self { id: tag.attribute("id").unwrap_or_default(), ..Self::default() };
        let own = xml.depth();
        // The open criteria, by the depth of their elements.
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut resolution = AdvisoryStatus::Affected;
        while xml.depth() >= own {
            let Node::Open(tag) = xml.next()?.ok_or(XmlError::End)? else { continue };
            while open.last().is_some_and(|(depth, _)| *depth >= xml.depth()) {
                open.pop();
            }
            let parent = open.last().map_or(0, |(_, place)| *place);
            match tag.name() {
                "criteria" | "criterion" | "extend_definition" => {
                    let kind = kind(&tag);
                    open.push((xml.depth(), found.criteria.len()));
                    found.criteria.push(Criterion { parent, kind });
                }
                "title" => found.title = super::super::line::one_line(&xml.text()?, 240),
                "description" => found.description = xml.text()?,
                "platform" => {
                    let text = xml.text()?;
                    found.platforms.push(text);
                    found.platforms.truncate(MOST_PLATFORMS);
                }
                "product" => found.product = xml.text()?,
                "reference" => found.reference(&tag),
                "cve" => {
                    let text = xml.text()?;
                    found.add_cves(&text);
                }
                "severity" => found.severity = Some(words::severity(&xml.text()?)),
                "issued" => found.publish(tag.attribute("date")),
                "advisory_date" | "public_date" => {
                    let text = xml.text()?;
                    found.publish(Some(text));
                }
                "patchable" => found.does_not_apply = xml.text()?.trim() == "Not Applicable",
                "resolution" => resolution = status(tag.attribute("state").as_deref().unwrap_or_default()),
                "component" => found.resolutions.push((resolution, xml.text()?)),
                _ => {}
            }
        }
        let title = std::mem::take(&mut found.title);
        found.add_title(&title);
        found.title = title;
        Ok(found)
    }

    fn reference(&mut self, tag: &Tag<'d>) {
        let (Some(source), Some(id)) = (tag.attribute("source"), tag.attribute("ref_id")) else { return };
        if source.contains("CVE") {
            self.add_cves(&id);
        } else if words::is_id(&id)
            && !self.others.iter().any(|other| *other == *id)
            && self.others.len() < 16
        {
            self.others.push(id.into_owned());
        }
    }

    /// Titles start with the id: `ELSA-2007-0057:  Moderate: …`, `CVE-1999-0199 glibc`.
    fn add_title(&mut self, title: &str) {
        let Some(word) = title.split(' ').next().map(|word| word.trim_end_matches(':')) else { return };
        if words::is_cve(word) {
            self.add_cves(word);
        } else if words::is_id(word) && word.contains('-') && !self.others.iter().any(|other| other == word) {
            self.others.push(word.to_owned());
        }
    }

    fn add_cves(&mut self, text: &str) {
        for id in words::cves(text) {
            // Definitions name at most some hundreds, mostly in the same order twice.
            if self.cves.len() < MOST_CVES && !self.cves.iter().any(|known| known == id) {
                self.cves.push(id.to_owned());
            }
        }
    }

    fn publish(&mut self, day: Option<Cow<'d, str>>) {
        self.published = self.published.take().or_else(|| words::timestamp(&day?));
    }
}

/// Most products of one definition; real ones have at most some hundreds. Every package is said of each.
pub(super) const MOST_PLATFORMS: usize = 1_000;

/// Most ids of one definition.
const MOST_CVES: usize = 2_000;

fn kind<'d>(tag: &Tag<'d>) -> Kind<'d> {
    let is_negated = tag.attribute("negate").is_some_and(|word| matches!(&*word, "true" | "1"));
    match (tag.name(), tag.attribute("operator").as_deref()) {
        _ if is_negated => Kind::Other,
        ("criteria", None | Some("AND")) => Kind::All,
        ("criteria", Some("OR")) => Kind::Any,
        ("criterion", _) => Kind::Test {
            test: tag.attribute("test_ref").unwrap_or_default(),
            comment: tag.attribute("comment").unwrap_or_default(),
        },
        _ => Kind::Other,
    }
}

/// Red Hat's words for why there is no fix.
fn status(word: &str) -> AdvisoryStatus {
    match word {
        "Will not fix" => AdvisoryStatus::WillNotFix,
        "Out of support scope" => AdvisoryStatus::EndOfLife,
        "Under investigation" => AdvisoryStatus::UnderInvestigation,
        "Not affected" => AdvisoryStatus::NotAffected,
        _ => AdvisoryStatus::Affected,
    }
}
