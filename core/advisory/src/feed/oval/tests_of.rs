//! Tests, and what they are made of, by their ids.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::xml::{Node, Tag, Xml, XmlError};

type Id<'d> = Cow<'d, str>;

/// Everything in a document that definitions point to.
#[derive(Debug, Default)]
pub(super) struct Tests<'d> {
    /// Who made the document (`product_name` of its generator).
    pub(super) product: Cow<'d, str>,
    tests: HashMap<Id<'d>, Test<'d>>,
    objects: HashMap<Id<'d>, Object<'d>>,
    states: HashMap<Id<'d>, State<'d>>,
    variables: HashMap<Id<'d>, Vec<Cow<'d, str>>>,
}

#[derive(Debug, Default)]
struct Test<'d> {
    is_of_packages: bool,
    object: Id<'d>,
    states: Vec<Id<'d>>,
}

#[derive(Debug, Default)]
struct Object<'d> {
    name: Cow<'d, str>,
    variable: Option<Id<'d>>,
}

#[derive(Debug, Default)]
struct State<'d> {
    evr: Option<(Bound, Cow<'d, str>)>,
    /// It asks for something that no package's version is: who signed it, which release the system is.
    is_of_others: bool,
}

/// What a version is compared for (`OperationEnumeration` of the schema).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Less,
    AtMost,
    Equal,
    AtLeast,
    Greater,
    /// Another comparison, which makes no stretch of versions.
    Unknown,
}

/// A test that is about packages.
#[derive(Debug)]
pub(super) struct Asked<'t> {
    pub(super) names: &'t [Cow<'t, str>],
    /// Without one, that the package is installed.
    pub(super) version: Option<(Bound, &'t str)>,
    /// Only who signed the package is asked, or the like.
    pub(super) is_of_others: bool,
}

impl<'d> Tests<'d> {
    pub(super) fn read(bytes: &'d [u8]) -> Result<Self, XmlError> {
        let mut xml = Xml::new(bytes)?;
        let mut found = Self::default();
        let mut is_oval = false;
        while let Some(node) = xml.next()? {
            let Node::Open(tag) = node else { continue };
            match tag.name() {
                "oval_definitions" => is_oval = true,
                "product_name" => found.product = xml.text()?,
                "definitions" => xml.skip()?,
                _ if xml.depth() > 1 => found.item(&mut xml, &tag)?,
                _ => {}
            }
        }
        if is_oval {
            Ok(found)
        } else {
            Err(XmlError::Syntax { at: 0, reason: "no `oval_definitions`".to_owned() })
        }
    }

    /// Items are named after what they ask and what they are: `rpminfo_test`. Not every vendor puts them into the
    /// sections that the schema has for them.
    fn item(&mut self, xml: &mut Xml<'d>, tag: &Tag<'d>) -> Result<(), XmlError> {
        let id = tag.attribute("id").unwrap_or_default();
        let (kind, what) = tag.name().rsplit_once('_').unwrap_or_default();
        match what {
            "test" => {
                let is_of_packages = matches!(kind, "rpminfo" | "dpkginfo");
                let test = Test { is_of_packages, ..test(xml)? };
                self.tests.insert(id, test);
            }
            "object" => {
                let object = object(xml)?;
                if object.variable.is_none() {
                    // One name is kept as the list that a variable would be.
                    self.variables.insert(id.clone(), vec![object.name.clone()]);
                }
                self.objects.insert(id, object);
            }
            "state" => {
                let state = state(xml)?;
                self.states.insert(id, state);
            }
            "variable" => {
                let values = values(xml)?;
                self.variables.insert(id, values);
            }
            _ => {}
        }
        Ok(())
    }

    /// `None` for tests that are not in the document; those of other things than packages ask of others.
    pub(super) fn ask(&self, id: &str) -> Option<Asked<'_>> {
        let test = self.tests.get(id)?;
        if !test.is_of_packages {
            return Some(Asked { names: &[], version: None, is_of_others: true });
        }
        let object = self.objects.get(&test.object)?;
        let names = self.variables.get(object.variable.as_ref().unwrap_or(&test.object))?;
        let mut asked = Asked { names, version: None, is_of_others: false };
        for state in &test.states {
            let state = self.states.get(state)?;
            match &state.evr {
                Some((bound, version)) => asked.version = Some((*bound, version)),
                None => asked.is_of_others |= state.is_of_others,
            }
        }
        asked.is_of_others &= asked.version.is_none();
        Some(asked)
    }
}

fn test<'d>(xml: &mut Xml<'d>) -> Result<Test<'d>, XmlError> {
    let mut test = Test::default();
    children(xml, |xml, tag| {
        match tag.name() {
            "object" => test.object = tag.attribute("object_ref").unwrap_or_default(),
            // Two states are a version and an architecture.
            "state" if test.states.len() < 16 => test.states.extend(tag.attribute("state_ref")),
            _ => {}
        }
        xml.skip()
    })?;
    Ok(test)
}

fn object<'d>(xml: &mut Xml<'d>) -> Result<Object<'d>, XmlError> {
    let mut object = Object::default();
    children(xml, |xml, tag| {
        if tag.name() == "name" {
            object.variable = tag.attribute("var_ref");
            object.name = trimmed(xml.text()?);
            return Ok(());
        }
        xml.skip()
    })?;
    Ok(object)
}

fn state<'d>(xml: &mut Xml<'d>) -> Result<State<'d>, XmlError> {
    let mut state = State::default();
    children(xml, |xml, tag| match tag.name() {
        "evr" => {
            let bound = match tag.attribute("operation").as_deref() {
                Some("less than") => Bound::Less,
                Some("less than or equal") => Bound::AtMost,
                Some("greater than") => Bound::Greater,
                Some("greater than or equal") => Bound::AtLeast,
                Some("equals") | None => Bound::Equal,
                Some(_) => Bound::Unknown,
            };
            state.evr = Some((bound, trimmed(xml.text()?)));
            Ok(())
        }
        "arch" => xml.skip(),
        _ => {
            state.is_of_others = true;
            xml.skip()
        }
    })?;
    Ok(state)
}

fn values<'d>(xml: &mut Xml<'d>) -> Result<Vec<Cow<'d, str>>, XmlError> {
    let mut values = Vec::new();
    children(xml, |xml, tag| {
        if tag.name() == "value" {
            values.push(trimmed(xml.text()?));
            return Ok(());
        }
        xml.skip()
    })?;
    Ok(values)
}

/// Every element right inside the one that was opened last; the closure takes it whole.
fn children<'d>(
    xml: &mut Xml<'d>,
    mut take: impl FnMut(&mut Xml<'d>, &Tag<'d>) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    let own = xml.depth();
    while xml.depth() >= own {
        if let Node::Open(tag) = xml.next()?.ok_or(XmlError::End)? {
            take(xml, &tag)?;
        }
    }
    Ok(())
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}
