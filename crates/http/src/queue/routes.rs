//! Which routes there are. The dispatcher answers them, the OpenAPI page describes them, and a test compares the three.

/// Method and path of every route below `/q/v1/`. Braces stand for a segment; what follows a colon is a verb.
pub(super) const ROUTES: &[(&str, &str)] = &[
    ("POST", "topics/{topic}/messages"),
    ("POST", "topics/{topic}/groups/{group}:receive"),
    ("POST", "topics/{topic}/groups/{group}:redrive"),
    ("POST", "topics/{topic}/groups/{group}:reset"),
    ("GET", "topics/{topic}/groups"),
    ("GET", "topics/{topic}/groups/{group}"),
    ("GET", "topics/{topic}/groups/{group}/leases"),
    ("GET", "topics/{topic}/groups/{group}/dead"),
    ("GET", "topics/{topic}/groups/{group}/events"),
    ("GET", "topics/{topic}/partitions/{partition}/messages"),
    ("GET", "groups"),
    ("GET", "groups/{group}"),
    ("PUT", "groups/{group}"),
    ("DELETE", "groups/{group}"),
    ("GET", "groups/{group}/leases"),
    ("GET", "groups/{group}/dead"),
    ("POST", "groups/{group}:redrive"),
    ("POST", "groups/{group}:reset"),
    ("POST", "groups/{group}:rotate"),
    ("POST", "groups/{group}:settle"),
    ("POST", "groups/{group}:ack"),
    ("POST", "groups/{group}:release"),
    ("POST", "groups/{group}:reject"),
    ("POST", "groups/{group}:extend"),
    ("POST", "groups/{group}:pause"),
    ("POST", "groups/{group}:resume"),
    ("DELETE", "leases/{lease}"),
    ("POST", "leases/{lease}:ack"),
    ("POST", "leases/{lease}:release"),
    ("POST", "leases/{lease}:reject"),
    ("POST", "leases/{lease}:extend"),
];

/// The routes of a path. One with a verb is that verb's alone, whatever a group may be called.
fn at<'p>(path: &'p [&'p str]) -> impl Iterator<Item = &'static (&'static str, &'static str)> + 'p {
    let with_verb = ROUTES.iter().any(|(_, route)| route.contains(':') && fits(route, path));
    ROUTES.iter().filter(move |(_, route)| route.contains(':') == with_verb && fits(route, path))
}

/// Whether there is a route.
pub(super) fn answers(method: &str, path: &[&str]) -> bool {
    at(path).any(|(answered, _)| *answered == method)
}

/// The methods that a path answers, for a 405; empty: nothing is there.
pub(super) fn methods(path: &[&str]) -> String {
    let mut methods: Vec<&str> = at(path).map(|(method, _)| *method).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.join(", ")
}

fn fits(route: &str, path: &[&str]) -> bool {
    let mut parts = route.split('/');
    path.iter().all(|given| parts.next().is_some_and(|part| part_fits(part, given))) && parts.next().is_none()
}

fn part_fits(part: &str, given: &str) -> bool {
    match (part.strip_prefix('{'), part.split_once("}:")) {
        (Some(_), Some((_, verb))) => given.rsplit_once(':').is_some_and(|(name, said)| !name.is_empty() && said == verb),
        (Some(_), None) => !given.is_empty(),
        (None, _) => part == given,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_methods() {
        assert_eq!(methods(&["groups", "g"]), "GET, PUT, DELETE, HEAD");
        assert_eq!(methods(&["groups", "g:ack"]), "POST");
        assert_eq!(methods(&["groups", ":ack"]), "GET, PUT, DELETE, HEAD");
        assert_eq!(methods(&["topics", "t", "messages"]), "POST");
        assert_eq!(methods(&["topics", "t", "elsewhere"]), "");
        assert!(answers("POST", &["groups", "g:ack"]) && !answers("GET", &["groups", "g:ack"]));
    }

    #[test]
    fn the_openapi_page_has_every_route_and_no_other() {
        let page: serde_json::Value = serde_json::from_slice(super::super::OPENAPI).expect("JSON");
        let described = page["paths"].as_object().expect("paths").iter().flat_map(|(path, operations)| {
            let operations = operations.as_object().expect("operations").keys();
            operations.map(move |method| (method.to_uppercase(), path.trim_start_matches('/').to_owned()))
        });
        let mut described: Vec<(String, String)> = described.collect();
        let below = |(method, route): &(&str, &str)| ((*method).to_owned(), format!("q/v1/{route}"));
        let mut answered: Vec<(String, String)> = ROUTES.iter().map(below).collect();
        described.sort();
        answered.sort();
        assert_eq!(described, answered);
    }
}
