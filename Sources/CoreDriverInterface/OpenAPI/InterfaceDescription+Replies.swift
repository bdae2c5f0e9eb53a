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
                    "application/json;charset=UTF-8": ["schema": .object(schema(of: outcomes, dialect))]
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

    private static func schema(of outcomes: [any ReplyContract], _ dialect: Dialect) -> JSONObject {
        let schemas = outcomes.map { schema(of: $0, dialect) }
        if let only = schemas.first, schemas.count == 1 { return only }
        return ["oneOf": .array(schemas.map { .object($0) })]
    }

    static func schema(of outcome: any ReplyContract, _ dialect: Dialect) -> JSONObject {
        // How it went is told first, wherever it stands on the wire.
        let members = outcome.outline.filter(\.isStatus) + outcome.outline.filter { !$0.isStatus }
        return level(members, of: outcome, under: "", dialect)
    }

    /// The members directly under a prefix such as `session.`, with the schemas of those that have members themselves.
    private static func level(
        _ members: [ReplyOutline], of outcome: any ReplyContract, under prefix: String, _ dialect: Dialect
    ) -> JSONObject {
        let shown = members.filter { member in
            outcome.shape.map { dialect.shows(prefix + member.name, in: $0) } ?? true
        }
        return WireType.record(
            shown.map { member in
                switch member.content {
                case .status(let status): (member.name, ["type": "string", "const": .string(status)], true)
                case .value(let type): (member.name, type.schema, member.isAlways)
                case .members(let inner):
                    (
                        member.name, level(inner, of: outcome, under: "\(prefix)\(member.name).", dialect),
                        member.isAlways
                    )
                }
            })
    }
}

extension ReplyOutline {
    fileprivate var isStatus: Bool {
        if case .status = content { true } else { false }
    }
}
