package import Foundations

/// One line of a head.
package struct HeaderField: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        (self.name, self.value) = (name, value)
    }
}

/// What a question of the doctor was answered.
package enum ProbeOutcome: Sendable, Hashable {
    case reply(ProbeReply)
    case failure(ProbeFailure)

    /// The reply, where there is one.
    package var reply: ProbeReply? {
        if case .reply(let reply) = self { reply } else { nil }
    }
}

/// Why there is no reply.
package enum ProbeFailure: Sendable, Hashable, CustomStringConvertible {
    case unknownName
    case refused
    case timeout
    case transport(String)

    package var description: String {
        switch self {
        case .unknownName: "the name of the host is not known"
        case .refused: "the connection is refused"
        case .timeout: "there is no answer in time"
        case .transport(let reason): reason
        }
    }
}

/// A reply as it came, without what a browser would do about it.
package struct ProbeReply: Sendable, Hashable {
    package var status: Int
    package var fields: [HeaderField]
    /// The beginning of the body.
    package var body: String
    package var sentAt: Timestamp
    package var receivedAt: Timestamp
    /// From the request to the first byte of the body; `nil` where there was no body.
    package var bodyAfter: Milliseconds?

    package init(
        status: Int, fields: [HeaderField] = [], body: String = "", sentAt: Timestamp, receivedAt: Timestamp,
        bodyAfter: Milliseconds? = nil
    ) {
        (self.status, self.fields, self.body) = (status, fields, body)
        (self.sentAt, self.receivedAt, self.bodyAfter) = (sentAt, receivedAt, bodyAfter)
    }

    /// All values of a field.
    package func values(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name }.map(\.value)
    }

    /// The first value of a field.
    package func value(_ name: String) -> String? { values(name).first }

    /// Whether there is a field of that name, empty or not.
    package func has(_ name: String) -> Bool { value(name) != nil }

    /// The elements of a field that is a list, in lower case.
    package func list(_ name: String) -> [String] {
        values(name).flatMap { $0.split(separator: ",") }
            .map { $0.trimmed { $0 == " " || $0 == "\t" }.lowercased() }
    }

    /// The cookies, as a browser parses them.
    package var cookies: [SetCookie] { values("set-cookie").compactMap { SetCookie($0) } }

    /// Whether a browser is to go somewhere else.
    package var isRedirect: Bool { (300..<400).contains(status) && status != 304 }

    package var isSuccess: Bool { (200..<300).contains(status) }

    /// Whether the body is a page.
    package var isHTML: Bool {
        value("content-type")?.lowercased().contains("html") ?? false
            || body.drop(while: \.isWhitespace).lowercased().hasPrefix("<!doctype html")
    }

    /// From the request to the end of the head.
    package var duration: Milliseconds { receivedAt - sentAt }
}
