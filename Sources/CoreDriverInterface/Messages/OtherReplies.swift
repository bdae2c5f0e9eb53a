package import LosslessJSON

/// Only how it went.
package struct StatusReply: ReplyMessage {
    package init() {}
}

/// One text: a message, a path, a signed token.
package struct TextReply: ReplyMessage {
    package var text: String?

    package init() {}
}

/// One answer to a yes-or-no question.
package struct ChoiceReply: ReplyMessage {
    package var isSo: Bool?

    package init() {}
}

/// A list of texts.
package struct TextsReply: ReplyMessage {
    package var texts: [String]?

    package init() {}
}

/// A list of objects, and where the next page begins.
package struct ListReply: ReplyMessage {
    package var objects: JSONObjects?
    package var next: Int64?

    package init() {}
}

/// A number of users or sessions.
package struct CountReply: ReplyMessage {
    package var count: Int64?
    package var isApproximate: Bool?
    /// In milliseconds since 1970.
    package var asOf: Int64?

    package init() {}
}

/// An entry of the audit log.
package struct AuditEntryReply: ReplyMessage {
    package var sequence: Int64?
    /// In milliseconds since 1970.
    package var time: Int64?
    package var event: String?
    package var handle: String?
    package var tenantID: String?
    package var userID: String?
    package var actor: String?
    package var means: String?
    package var details: JSONObject?

    package init() {}
}

/// A page of the feed of ended sessions.
package struct FeedReply: ReplyMessage {
    package var stream: String?
    package var isReset: Bool?
    package var hasMore: Bool?
    /// In milliseconds.
    package var age: Int64?
    package var next: String?
    package var entries: JSONObjects?

    package init() {}
}

/// An end in the feed.
package struct FeedEntryReply: ReplyMessage {
    package var kind: String?
    package var value: String?
    package var tenant: String?
    /// In milliseconds since 1970.
    package var time: Int64?
    /// In milliseconds since 1970.
    package var until: Int64?

    package init() {}
}

/// An app with its tenants.
package struct AppReply: ReplyMessage {
    package var app: String?
    package var tenants: JSONObjects?

    package init() {}
}

/// What was decided about a tenant, in either form.
package struct TenantReply: ReplyMessage {
    package var tenant: String?
    package var emailPassword: JSONObject?
    package var passwordless: JSONObject?
    package var thirdParty: JSONObject?
    package var firstFactors: Factors?
    package var requiredSecondaryFactors: Factors?
    package var coreConfig: JSONObject?

    package init() {}
}

/// Objects of the application or of another table.
package struct JSONObjects: WireValue {
    package let values: JSONValue

    /// Lists objects.
    package init(_ objects: [JSONObject]) {
        values = .array(objects.map(JSONValue.object))
    }

    /// Takes a list as it is.
    package init(values: JSONValue) {
        self.values = values
    }

    package static var wireType: WireType { .list(.object) }
    package static func parse(_ value: FieldValue) -> JSONObjects? {
        guard case .member(let json) = value, json.array != nil else { return nil }
        return JSONObjects(values: json)
    }
    package var wire: JSONValue { values }
}
