import CoreServer
public import Foundations
import LosslessJSON
import SessionEngine
public import SessionService
import SessionStorage

/// The receivers of security events, as the operator's file describes them (docs/events.md).
///
/// It is a file of its own because it holds secrets: the configuration can be shown, and this cannot.
public struct EventStreamFile: Sendable, Redacted {
    /// The receivers, in the order of the file.
    public let streams: [EventStream]

    /// The longest file, in bytes.
    public static let longest = 1 << 20
    /// The most receivers: each that is sent to has a connection and a loop of its own.
    public static let most = 100

    /// Reads the text of a file.
    ///
    /// - Parameters:
    ///   - bytes: the text, a JSON object with `issuer` and `streams`.
    ///   - path: how the file is named in what is wrong with it.
    /// - Throws: ``Problem`` for the first thing that is wrong; it never has a value of the file in it.
    public init(_ bytes: some Collection<UInt8>, path: String) throws(Problem) {
        do throws(Problem) {
            streams = try Self.streams(bytes)
        } catch {
            throw Problem("\(path): \(error.description)")
        }
    }

    /// What is wrong with a file.
    public struct Problem: Error, CustomStringConvertible, Equatable {
        /// For the operator: the file, the stream and the member, and what it has to be.
        public let description: String

        init(_ description: String) { self.description = description }
    }

    private static func streams(_ bytes: some Collection<UInt8>) throws(Problem) -> [EventStream] {
        guard bytes.count <= longest else { throw Problem("it is longer than 1 MiB") }
        let document: JSONValue
        do throws(JSONError) { document = try JSONValue(parsing: bytes) } catch {
            throw Problem("it is no JSON, from byte \(error.offset) on")
        }
        guard let object = document.object else { throw Problem("it has to be an object with 'issuer' and 'streams'") }
        let top = StreamMembers(object, "")
        try top.refuseOthers(than: ["issuer", "streams"])
        let issuer = try top.text("issuer")
        guard let entries = object["streams"]?.array, !entries.isEmpty else {
            throw Problem("'streams' has to be an array with a stream or more")
        }
        guard entries.count <= most else { throw Problem("it has more than \(most) streams") }
        var streams: [EventStream] = []
        for (index, entry) in entries.enumerated() {
            guard let object = entry.object else { throw Problem("stream \(index + 1) has to be an object") }
            let stream = try StreamMembers(object, "stream \(index + 1): ").stream(issuer: issuer)
            guard !streams.contains(where: { $0.app == stream.app && $0.name == stream.name }) else {
                throw Problem("two streams are called '\(stream.label)'")
            }
            streams.append(stream)
        }
        return streams
    }
}

/// The members of one object of the file.
private struct StreamMembers {
    private let object: JSONObject
    private let place: String

    private static let names = [
        "name", "app", "method", "issuer", "audience", "url", "insecure", "authorization", "events",
    ]
    private static let shortestToken = 20

    init(_ object: JSONObject, _ place: String) {
        (self.object, self.place) = (object, place)
    }

    private func problem(_ name: String, _ rule: String) -> EventStreamFile.Problem {
        EventStreamFile.Problem("\(place)'\(name)' \(rule)")
    }

    func refuseOthers(than names: [String]) throws(EventStreamFile.Problem) {
        guard object.names.allSatisfy(names.contains) else {
            throw EventStreamFile.Problem("\(place)it may only have \(names.map { "'\($0)'" }.joined(separator: ", "))")
        }
    }

    /// A text of printable ASCII, which goes into tokens and headers.
    func text(_ name: String) throws(EventStreamFile.Problem) -> String {
        guard let text = object[name]?.string, (1...2_048).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }), text.first != " ", text.last != " "
        else { throw problem(name, "has to be a text of printable ASCII") }
        return text
    }

    func stream(issuer: String) throws(EventStreamFile.Problem) -> EventStream {
        try refuseOthers(than: Self.names)
        guard let name = object["name"]?.string.flatMap(EventStreamName.init) else {
            throw problem("name", "has to be 1 to 64 of a to z, 0 to 9, - and _")
        }
        let members = StreamMembers(object, "stream '\(name.rawValue)': ")
        return try members.stream(name, issuer: issuer)
    }

    private func stream(_ name: EventStreamName, issuer: String) throws(EventStreamFile.Problem) -> EventStream {
        guard let method = object["method"]?.string.flatMap(DeliveryMethod.init) else {
            throw problem("method", "has to be \(DeliveryMethod.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let issuer = object["issuer"] == nil ? issuer : try text("issuer")
        var stream = EventStream(
            name: name, app: try app(), method: method,
            parties: EventToken.Parties(issuer: issuer, audience: try text("audience")))
        stream.kinds = try kinds(of: method)
        stream.address = try address(of: method)
        stream.authorization = try authorization(of: method)
        return stream
    }

    private func app() throws(EventStreamFile.Problem) -> AppID {
        guard let value = object["app"] else { return .public }
        guard let name = value.string, EventStreamName(name) != nil, !name.contains("_") else {
            throw problem("app", "has to be the name of an app: a to z, 0 to 9 and -")
        }
        return AppID(name)
    }

    private func kinds(of method: DeliveryMethod) throws(EventStreamFile.Problem) -> Set<SecurityEvent.Kind> {
        let carried = SecurityEvent.Kind.allCases.filter(method.carries)
        guard let value = object["events"] else { return Set(carried) }
        let kinds = value.array?.map { $0.string.flatMap { SecurityEvent.Kind($0) } }
        let known = (kinds ?? []).compactMap(\.self).filter(carried.contains)
        guard let kinds, !kinds.isEmpty, known.count == kinds.count else {
            throw problem("events", "has to be an array of \(carried.map(\.rawValue).joined(separator: ", "))")
        }
        return Set(known)
    }

    /// The address that tokens are posted to.
    ///
    /// What the operator writes here is where the core sends, and nothing else decides about it. So `http`, by which all on the
    /// way can read and forge, is for this machine alone unless the operator says otherwise.
    private func address(of method: DeliveryMethod) throws(EventStreamFile.Problem) -> String? {
        guard method.isSent else {
            guard object["url"] == nil, object["insecure"] == nil else {
                throw problem("url", "is for streams that are sent to")
            }
            return nil
        }
        guard let text = object["url"]?.string, let address = WebURL(text) else {
            throw problem(
                "url",
                "has to be an https address without a user, a password and a fragment, such as "
                    + "https://rp.example.com/events")
        }
        let insecure = object["insecure"]
        guard insecure == nil || insecure?.bool != nil else { throw problem("insecure", "has to be true or false") }
        guard address.isEncrypted || Loopback.isLocal(address.host) || insecure == true else {
            throw problem("url", "has to begin with https://; http is for this machine, or with 'insecure': true")
        }
        return text
    }

    private func authorization(of method: DeliveryMethod) throws(EventStreamFile.Problem) -> String? {
        let name = "authorization"
        switch method {
        case .poll:
            guard let token = object[name]?.string, token.utf8.count >= Self.shortestToken, Self.isToken(token) else {
                throw problem(
                    name,
                    "has to be the bearer token that the receiver shows, without 'Bearer': \(Self.shortestToken) "
                        + "characters or more of letters, digits and -._~+/=")
            }
            return token
        case .push: return object[name] == nil ? nil : try text(name)
        case .backchannelLogout:
            guard object[name] == nil else { throw problem(name, "is not sent with logout tokens") }
            return nil
        }
    }

    /// The characters of a bearer token (RFC 6750 section 2.1).
    private static func isToken(_ text: String) -> Bool {
        text.utf8.count <= 2_048
            && text.utf8.allSatisfy { byte in
                "-._~+/=".utf8.contains(byte) || (48...57).contains(byte) || (65...90).contains(byte)
                    || (97...122).contains(byte)
            }
    }
}
