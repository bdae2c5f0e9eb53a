import LosslessJSON

extension InterfaceDescription {
    /// The statuses that any request can be answered with beside 200, always with a text.
    ///
    /// 400 input or version, 401 key, 403 tenant, 404 path, 405 method, 413 length, 500, 503 and 507 failures of the core.
    static let textStatuses = [400, 401, 403, 404, 405, 413, 500, 503, 507]

    static func responses(_ operation: CoreOperation, _ dialect: Dialect) -> JSONObject {
        var responses = JSONObject()
        if let outcomes = Catalogue.outcomes[operation] {
            responses["200"] = [
                "description": "The answer.",
                "content": [
                    "application/json;charset=UTF-8": ["schema": .object(schema(of: outcomes, operation, dialect))]
                ],
            ]
        } else {
            responses["200"] = ["$ref": "#/components/responses/Text"]
        }
        if operation == .publishKeys { responses["304"] = ["description": "What the caller has is still right."] }
        for status in textStatuses {
            responses[String(status)] = ["$ref": "#/components/responses/Text"]
        }
        return responses
    }

    private static func schema(
        of outcomes: [Catalogue.Outcome], _ operation: CoreOperation, _ dialect: Dialect
    ) -> JSONObject {
        let schemas = outcomes.map { schema(of: $0, dialect) }
        if let only = schemas.first, schemas.count == 1 { return only }
        return ["oneOf": .array(schemas.map { .object($0) })]
    }

    static func schema(of outcome: Catalogue.Outcome, _ dialect: Dialect) -> JSONObject {
        let status: [(String, JSONObject, Bool)] =
            outcome.status.map { [("status", ["type": "string", "const": .string($0)], true)] } ?? []
        return WireType.record(status + level(of: outcome, under: "", dialect))
    }

    /// The members directly under a prefix such as `session.`, with the schemas of those that have members themselves.
    private static func level(
        of outcome: Catalogue.Outcome, under prefix: String, _ dialect: Dialect
    ) -> [(String, JSONObject, Bool)] {
        var result: [(String, JSONObject, Bool)] = []
        for member in outcome.members where member.path.hasPrefix(prefix) {
            let rest = member.path.dropFirst(prefix.count)
            let name = String(rest.prefix { $0 != "." })
            guard shows(prefix + name, outcome, dialect), !result.contains(where: { $0.0 == name }) else { continue }
            if name.count == rest.count {
                result.append((name, member.type.schema, member.isAlways))
            } else {
                let isWhole = outcome.shape.flatMap { Catalogue.sometimesWhole[$0] }?.contains(name) != true
                let inner = level(of: outcome, under: "\(prefix)\(name).", dialect)
                result.append((name, WireType.record(inner), isWhole))
            }
        }
        return result
    }

    private static func shows(_ path: String, _ outcome: Catalogue.Outcome, _ dialect: Dialect) -> Bool {
        outcome.shape.map { dialect.shows(path, in: $0) } ?? true
    }
}
