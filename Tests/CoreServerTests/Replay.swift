import CoreServer
import LosslessJSON

/// Replays a recording and compares: status, content type and body, the latter with the values that differ from run to
/// run replaced.
///
/// Tokens and handles of the recording are translated into this core's own in later requests.
struct Replay {
    /// A difference from the recorded core that is meant, with what is expected instead.
    struct Difference: Sendable {
        let reason: String
        let applies: @Sendable (Exchange) -> Bool
        let expects: @Sendable (SeenReply) -> Bool
    }

    let differences: [Difference]
    /// Whether a member that is `null` may be there although the recorded core had dropped it.
    var keepsNullMembers = false
    /// Whether the recorded core took a random part off the lives of its tokens.
    var ignoresLifetimes = false
    private(set) var mismatches: [String] = []
    private(set) var used: Set<String> = []
    private var translation = Translation()

    init(differences: [Difference], keepsNullMembers: Bool = false, ignoresLifetimes: Bool = false) {
        self.differences = differences
        self.ignoresLifetimes = ignoresLifetimes
        self.keepsNullMembers = keepsNullMembers
    }

    mutating func run(_ exchanges: [Exchange], _ send: (CoreRequest) async throws -> SeenReply) async throws {
        for exchange in exchanges {
            let actual = try await send(translation.translated(exchange.request))
            compare(exchange, actual)
        }
    }

    private mutating func compare(_ exchange: Exchange, _ actual: SeenReply) {
        if let difference = differences.first(where: { $0.applies(exchange) }) {
            used.insert(difference.reason)
            if !difference.expects(actual) {
                note(exchange, "intended difference '\(difference.reason)' not seen: \(actual)")
            }
            return
        }
        if exchange.status != actual.status { note(exchange, "status \(exchange.status) became \(actual.status)") }
        if Self.contentType(exchange) != actual.contentType {
            note(exchange, "content type became \(actual.contentType ?? "none")")
        }
        guard let recorded = try? JSONValue(parsing: exchange.body), let ours = try? JSONValue(parsing: actual.body)
        else {
            if exchange.body != actual.body { note(exchange, "body '\(exchange.body)' became '\(actual.body)'") }
            return
        }
        if !exchange.body.hasSuffix("\n") || !actual.body.hasSuffix("\n") { note(exchange, "no line break at the end") }
        compare(recorded, ours, at: "", exchange)
    }

    /// How texts begin in which something of the caller's stands: never HTML here, HTML in the cores (finding C1).
    private static let quoting = [
        "cdi-version ", "AppId or tenantId not found", "Unknown recipe ID", "Invalid core config",
        "You cannot set different values",
    ]

    private static func contentType(_ exchange: Exchange) -> String? {
        quoting.contains(where: exchange.body.hasPrefix) ? "text/plain;charset=UTF-8" : exchange.contentType
    }

    private mutating func note(_ exchange: Exchange, _ text: String) {
        mismatches.append("\(exchange.title): \(text)")
    }

    private mutating func compare(_ recorded: JSONValue, _ actual: JSONValue, at path: String, _ exchange: Exchange) {
        switch (recorded, actual) {
        case (.object(let left), .object(var right)):
            if keepsNullMembers && ["userDataInJWT", "userDataInDatabase"].contains(where: path.hasSuffix) {
                right = JSONObject(right.members.filter { !$0.value.isNull || left[$0.name] != nil })
            }
            if left.names != right.names { note(exchange, "members of '\(path)': \(left.names) became \(right.names)") }
            compareLifetimes(left, right, exchange)
            for member in left.members {
                if let value = right[member.name] {
                    compare(member.value, value, at: "\(path).\(member.name)", exchange)
                }
            }
        case (.array(let left), .array(let right)) where path.hasSuffix("versions"):
            if !Set(left).isSubset(of: Set(right)) { note(exchange, "versions are missing") }
        case (.array(let left), .array(let right)) where path == ".keys":
            compareKeys(left, right, exchange)
        case (.array(let left), .array(let right)) where path.hasSuffix("jwtSigningPublicKeyList"):
            if left.count != right.count { note(exchange, "\(left.count) keys became \(right.count)") }
            for (old, new) in zip(left, right) { compare(old, new, at: path, exchange) }
        case (.array(let left), .array(let right)) where path.contains("essionHandles"):
            if translation.translated(left) != Set(right) { note(exchange, "handles \(left) became \(right)") }
        // Two tokens that say the same and were signed in the same second are the same token.
        case (.string(let left), .string(let right)) where path == ".jwt" || Self.repeats(path, exchange):
            translation.relearn(left, right)
        case (.string(let left), .string(let right)) where Self.varying.contains(where: path.hasSuffix):
            if !translation.learn(left, right) { note(exchange, "'\(path)' is not the value that it was") }
        case (.number, .number) where Self.times.contains(where: path.hasSuffix): break
        // Numbers stay as they were sent; Java's JWT library wrote 1e+30 as 1.0E30 (docs/specification/core.md 2.4).
        default:
            if !recorded.isEquivalent(to: actual) {
                note(exchange, "'\(path)': \(recorded.text) became \(actual.text)")
            }
        }
    }

    private static func repeats(_ path: String, _ exchange: Exchange) -> Bool {
        path == ".accessToken.token" && exchange.request.path.hasSuffix("/regenerate")
    }

    /// Keys have the same members, the same kinds and no two the same name.
    private mutating func compareKeys(_ left: [JSONValue], _ right: [JSONValue], _ exchange: Exchange) {
        func shape(_ keys: [JSONValue]) -> [[String]] {
            keys.map { key in (key.object?.names ?? []) + [String((key.object?["kid"]?.string ?? "").prefix(2))] }
        }
        if shape(left) != shape(right) { note(exchange, "keys \(shape(left)) became \(shape(right))") }
    }

    private mutating func compareLifetimes(_ left: JSONObject, _ right: JSONObject, _ exchange: Exchange) {
        func lifetime(_ token: JSONObject) -> Int64? {
            guard let end = token["expiry"]?.number?.int64, let start = token["createdTime"]?.number?.int64 else {
                return nil
            }
            return end - start
        }
        // A regenerated token keeps its expiry, so its life is as long as the clock says.
        if ignoresLifetimes || exchange.request.path.hasSuffix("regenerate") { return }
        if lifetime(left) != lifetime(right) { note(exchange, "lifetime became \(lifetime(right) ?? 0) ms") }
    }

    private static let varying = [
        ".token", ".handle", ".sessionHandle", ".antiCsrfToken", ".jwtSigningPublicKey", ".publicKey",
    ]
    private static let times = [
        ".expiry", ".createdTime", ".timeCreated", ".jwtSigningPublicKeyExpiryTime", ".expiryTime",
        ".createdAt",
    ]
}
