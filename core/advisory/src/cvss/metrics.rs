//! The pairs of a vector.

use super::CvssError;

/// Pairs of metric and value, in the order of the vector.
#[derive(Debug)]
pub(super) struct Metrics<'v>(Vec<(&'v str, &'v str)>);

/// Most pairs that a vector of any version can have; 4.0 knows 32 metrics.
const MOST: usize = 40;

impl<'v> Metrics<'v> {
    pub(super) fn parse(vector: &'v str) -> Result<Self, CvssError> {
        let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(12);
        for pair in vector.trim_end_matches('/').split('/') {
            let (metric, value) = pair.split_once(':').ok_or(CvssError::Form)?;
            if metric.is_empty() || value.is_empty() || pairs.len() == MOST {
                return Err(CvssError::Form);
            }
            if pairs.iter().any(|(known, _)| *known == metric) {
                return Err(CvssError::Repeated);
            }
            pairs.push((metric, value));
        }
        Ok(Self(pairs))
    }

    pub(super) fn get(&self, metric: &str) -> Option<&'v str> {
        self.0.iter().find(|(known, _)| *known == metric).map(|(_, value)| *value)
    }

    /// What a table says of the value of a metric that must be there.
    pub(super) fn weight<T: Copy>(
        &self,
        metric: &'static str,
        weights: &[(&str, T)],
    ) -> Result<T, CvssError> {
        let value = self.get(metric).ok_or(CvssError::Missing(metric))?;
        let weight = weights.iter().find(|(known, _)| *known == value);
        weight.map(|(_, weight)| *weight).ok_or(CvssError::Value(metric))
    }
}
