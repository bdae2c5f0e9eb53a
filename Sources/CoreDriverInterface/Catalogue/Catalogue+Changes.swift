extension Catalogue {
    /// Something that a version brought, took or changed.
    struct Change: Equatable {
        enum Kind: String {
            case added
            case removed
        }

        let version: CDIVersion
        let kind: Kind
        let what: [String]
        let why: String
    }

    /// What changed when, oldest first, as the entries have it.
    static func changes(_ edition: Edition = .current) -> [Change] {
        let unordered =
            generationChanges(edition) + routeChanges(edition) + inputChanges(edition) + memberChanges(edition)
            + ruleChanges(edition)
        return supported.flatMap { version in merged(unordered.filter { $0.version == version }) }
    }

    /// One change for all that came or went for one reason.
    private static func merged(_ changes: [Change]) -> [Change] {
        changes.reduce(into: []) { result, change in
            let place = result.firstIndex { $0.kind == change.kind && $0.why == change.why }
            guard let place else { return result.append(change) }
            let before = result[place]
            result[place] = Change(
                version: before.version, kind: before.kind, what: before.what + change.what, why: before.why)
        }
    }

    private static func ends(_ availability: Availability, _ what: String, _ why: String) -> [Change] {
        let added = availability.introduced.map { Change(version: $0, kind: .added, what: [what], why: why) }
        let removed = availability.obsoleted.map { Change(version: $0, kind: .removed, what: [what], why: why) }
        return [added, removed].compactMap(\.self)
    }

    private static func generationChanges(_ edition: Edition) -> [Change] {
        edition.generations.flatMap { ends($0.availability, $0.what, $0.reason) }
    }

    private static func routeChanges(_ edition: Edition) -> [Change] {
        edition.routes.flatMap { route in
            route.methods.flatMap { ends(route.availability, "\($0.rawValue) \(route.path)", route.reason) }
        }
    }

    private static func ruleChanges(_ edition: Edition) -> [Change] {
        edition.rules.flatMap { ends($0.availability, $0.what, $0.reason) }
    }

    private static func memberChanges(_ edition: Edition) -> [Change] {
        edition.members.flatMap { entry in
            let replies = entry.shapes.map(\.title).joined(separator: ", ")
            return ends(entry.availability, "\(entry.paths.joined(separator: ", ")) (reply: \(replies))", entry.reason)
        }
    }

    /// A field that goes from optional to required has not gone: only its second entry is listed.
    private static func inputChanges(_ edition: Edition) -> [Change] {
        var told: [Input] = []
        return edition.inputs.flatMap { entry -> [Change] in
            guard !told.contains(where: { $0.isAlike(entry) }) else { return [] }
            told.append(entry)
            let operations = edition.inputs.filter { $0.isAlike(entry) }.map(\.operation.title).joined(separator: ", ")
            let presence = entry.presence == .required ? "required" : "optional"
            return ends(entry.availability, "\(entry.name) (request: \(operations); \(presence))", entry.reason)
                .filter { $0.kind == .added || !isContinued(entry, edition) }
        }
    }

    private static func isContinued(_ entry: Input, _ edition: Edition) -> Bool {
        edition.inputs.contains {
            $0.name == entry.name && $0.operation == entry.operation
                && $0.availability.introduced == entry.availability.obsoleted
        }
    }
}

extension Catalogue.Input {
    /// Whether both are told in one sentence.
    fileprivate func isAlike(_ other: Catalogue.Input) -> Bool {
        name == other.name && presence == other.presence && availability == other.availability
            && reason == other.reason
    }
}

extension CoreOperation {
    /// The operation in words: `createSession` is "create session".
    var title: String { words(rawValue) }
}

extension ReplyShape {
    /// The reply in words.
    var title: String { words(rawValue) }
}

private func words(_ name: String) -> String {
    name.map { $0.isUppercase ? " \($0.lowercased())" : String($0) }.joined()
}
