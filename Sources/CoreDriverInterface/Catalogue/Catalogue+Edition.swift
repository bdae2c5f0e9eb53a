extension Catalogue {
    /// The catalogue as a value, so that a test can ask what would follow if an entry were another.
    struct Edition: Sendable {
        var generations = Catalogue.generations
        var routes = Catalogue.routes
        var members = Catalogue.members
        var inputs = Catalogue.inputs
        var rules = Catalogue.rules

        /// What this core answers by.
        static let current = Edition()

        /// The versions that use a family's paths.
        func availability(of family: Family) -> Availability {
            generations.first { $0.family == family }?.availability ?? Availability()
        }

        /// The versions in which a route answers.
        func versions(of route: Route) -> [CDIVersion] {
            let family = availability(of: route.family)
            return Catalogue.supported.filter { route.availability.contains($0) && family.contains($0) }
        }
    }
}
