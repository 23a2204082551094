//! What some documents gave.

use lazaret_advisory::feed::osv::OsvFeed;
use lazaret_advisory::feed::{self, Kind, Knowledge, KnowledgeFormat, kind};
use lazaret_model::Limits;

use super::source::Told;

/// Name and content.
pub(super) type Document = (String, Vec<u8>);

pub(super) struct Parsed {
    pub(super) osv: OsvFeed,
    pub(super) knowledge: Vec<(&'static KnowledgeFormat, Knowledge)>,
    pub(super) published: Vec<feed::Parsed>,
    pub(super) told: Told,
}

impl Parsed {
    pub(super) fn of(documents: &[Document], feed: &str, limits: &Limits) -> Self {
        let mut parsed = Self {
            osv: OsvFeed::new(feed),
            knowledge: Vec::new(),
            published: Vec::new(),
            told: Told::default(),
        };
        for (name, bytes) in documents {
            let read = match kind(bytes, name) {
                None => {
                    parsed.told.unknown.add(|| name.clone());
                    continue;
                }
                Some(Kind::OsvJson) => parsed.osv.read_json(bytes, limits).map_err(|error| error.to_string()),
                Some(Kind::OsvYaml) => parsed.osv.read_yaml(bytes, limits).map_err(|error| error.to_string()),
                Some(Kind::Published(format)) => (format.parse)(bytes, name, limits)
                    .map(|published| parsed.published.push(published))
                    .map_err(|error| error.to_string()),
                Some(Kind::Knowledge(format)) => match (format.parse)(bytes, limits) {
                    Ok(knowledge) => {
                        parsed.knowledge.push((format, knowledge));
                        Ok(())
                    }
                    Err(error) => {
                        parsed.told.broken_table = Some(format.name).filter(|_| format.is_whole);
                        Err(error.to_string())
                    }
                },
            };
            if let Err(why) = read {
                parsed.told.unreadable.add(|| format!("{name}: {why}"));
            }
        }
        parsed.count();
        parsed
    }

    fn count(&mut self) {
        let (osv, told) = (&mut self.osv, &mut self.told);
        told.documents = osv.documents + self.knowledge.len() as u64;
        told.advisories = osv.advisories.len() as u64;
        told.vulnerabilities = osv.vulnerabilities.len() as u64;
        told.withdrawn = osv.withdrawn.len() as u64;
        told.passed_over = std::mem::take(&mut osv.unknown_ecosystems);
        let of_knowledge = self.knowledge.iter().flat_map(|(_, knowledge)| &knowledge.problems);
        for problem in osv.problems.iter().chain(of_knowledge) {
            told.problems.add(|| problem.to_string());
        }
        for (_, knowledge) in &self.knowledge {
            told.vulnerabilities += knowledge.vulnerabilities.len() as u64;
        }
        for published in &mut self.published {
            told.documents += published.documents;
            told.advisories += published.advisories.len() as u64;
            told.vulnerabilities += published.vulnerabilities.len() as u64;
            told.withdrawn += published.withdrawn.len() as u64;
            for (product, count) in std::mem::take(&mut published.passed_over) {
                *told.passed_over.entry(product).or_default() += count;
            }
            for problem in &published.problems {
                told.problems.add(|| problem.to_string());
            }
        }
    }

    pub(super) fn rename(&mut self, name: &str) {
        name.clone_into(&mut self.osv.name);
        for advisory in &mut self.osv.advisories {
            name.clone_into(&mut advisory.feed);
        }
    }
}
