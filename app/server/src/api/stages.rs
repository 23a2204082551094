use lazaret_policy::Policy;
use lazaret_store::PromotionRow;

/// The furthest of the stages that an image is promoted to, in the order of the policy; of stages that the
/// policy does not know the newest.
pub(super) fn furthest(policy: Option<&Policy>, promotions: &[PromotionRow]) -> Option<String> {
    let place = |stage: &str| policy?.stages().iter().position(|rule| rule.name.as_str() == stage);
    let known = promotions.iter().filter_map(|promotion| Some((place(&promotion.stage)?, promotion)));
    let furthest = known.max_by_key(|(place, _)| *place).map(|(_, promotion)| promotion);
    furthest.or(promotions.last()).map(|promotion| promotion.stage.clone())
}

/// Each stage once, oldest promotion first.
pub(super) fn all(promotions: &[PromotionRow]) -> Vec<String> {
    let mut stages: Vec<String> = Vec::new();
    for promotion in promotions {
        if !stages.contains(&promotion.stage) {
            stages.push(promotion.stage.clone());
        }
    }
    stages
}
