import CoreServer

/// A connection URI as far as a mistake in it can be told before anybody waits for an address that cannot be.
///
/// It is parsed as libpq does it (its manual, 34.1.1.2): the user and the password end at the first `@` before the
/// first `/`. Nothing of the URI is ever in a message.
struct PostgresURI {
    static let form =
        "The provided postgresql connection URI has an incorrect format. Please use a format like "
        + "postgresql://[user[:[password]]@]host[:port][/dbname][?attr1=val1&attr2=val2..."

    /// The hosts, without brackets.
    let hosts: [String]
    /// The parameters after the question mark, as they are written.
    let parameters: [String: String]
    /// What is wrong, for the operator.
    let fault: String?

    /// Takes a URI apart; `nil` for what is none of PostgreSQL.
    init?(_ text: String) {
        guard let scheme = ["postgresql://", "postgres://"].first(where: text.hasPrefix) else { return nil }
        let rest = text.dropFirst(scheme.count)
        let head = rest.prefix { $0 != "/" }
        let credentials = head.firstIndex(of: "@")
        let afterUser = credentials.map { rest[rest.index(after: $0)...] } ?? rest
        let authority = afterUser.prefix { $0 != "/" && $0 != "?" }
        let question = afterUser.firstIndex(of: "?")
        let path = afterUser[..<(question ?? afterUser.endIndex)].dropFirst(authority.count)
        let query = question.map { afterUser[afterUser.index(after: $0)...] } ?? ""
        let places = authority.split(separator: ",", omittingEmptySubsequences: false).map(Self.place)
        hosts = places.map(\.host)
        parameters = Self.parameters(of: query)
        let isCutUser =
            credentials == nil && (path.contains("@") || (places.contains { !$0.hasPort } && query.contains("@")))
        if authority.contains("@") || isCutUser || Self.hasLoosePercent(text) {
            fault = Self.encode
        } else if text.contains(where: \.isWhitespace) {
            fault = "the connection URI has white space in it: percent-encode it (a space is %20)."
        } else if places.contains(where: { !$0.hasPort }) {
            fault = "the port in the connection URI has to be a number from 1 to 65535."
        } else {
            fault = nil
        }
    }

    private static let encode =
        "percent-encode the password (and the user) in the connection URI: @ is %40, : is %3A, / is %2F, % is %25. Or set "
        + "them as 'postgresql_user' and 'postgresql_password', where nothing has to be encoded."

    private static func parameters(of query: Substring) -> [String: String] {
        var parameters: [String: String] = [:]
        for pair in query.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1)
            if halves.count == 2 { parameters[String(halves[0])] = String(halves[1]) }
        }
        return parameters
    }

    /// A host, and whether what follows it can be a port.
    private static func place(_ text: Substring) -> (host: String, hasPort: Bool) {
        if text.first == "[", let end = text.firstIndex(of: "]") {
            return (String(text[text.index(after: text.startIndex)..<end]), isPort(text[text.index(after: end)...]))
        }
        let host = text.prefix { $0 != ":" }
        return (String(host), isPort(text.dropFirst(host.count)))
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.isEmpty || text == ":" || (text.first == ":" && UInt16(text.dropFirst()).map { $0 > 0 } ?? false)
    }

    private static func hasLoosePercent(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.indices.contains { index in
            guard bytes[index] == UInt8(ascii: "%") else { return false }
            let digits = bytes[(index + 1)...].prefix(2)
            return digits.count < 2 || String(decoding: digits, as: UTF8.self).contains { !$0.isHexDigit }
                || digits.allSatisfy { $0 == UInt8(ascii: "0") }
        }
    }
}

/// Who can read or change what goes between here and a database.
struct PostgresTransport {
    private let hosts: [String]
    private let mode: String?

    init(
        _ keys: DatabaseKeys, _ uri: PostgresURI?, _ attributes: [(name: String, value: String)],
        _ environment: [String: String]
    ) {
        func last(_ name: String) -> String? { attributes.last { $0.name == name }?.value ?? uri?.parameters[name] }
        let named = [keys.host, last("host"), last("hostaddr")].compactMap(\.self)
        if let first = named.first {
            hosts = first.split(separator: ",").map(String.init)
        } else if let uri, !uri.hosts.allSatisfy(\.isEmpty) {
            hosts = uri.hosts
        } else {
            hosts = (environment["PGHOST"] ?? "").split(separator: ",").map(String.init)
        }
        let isOfSystem = last("sslrootcert") == "system"
        mode = last("sslmode") ?? environment["PGSSLMODE"] ?? (isOfSystem ? "verify-full" : nil)
    }

    /// What is not kept, in words; `nil` where the database is on this machine or has to prove who it is.
    var warning: String? {
        guard let host = hosts.first(where: { !Self.isLocal($0) }) else { return nil }
        let remedy = "Set sslmode=verify-full in its URI or attributes, and sslrootcert to the authority."
        switch mode {
        case "verify-full", "verify-ca": return nil
        case "require":
            return
                "PostgreSQL at \(Self.shown(host)) is believed with any certificate (sslmode=require): who can redirect the "
                + "connection reads sessions and keys. \(remedy)"
        default:
            return "The connection to PostgreSQL at \(Self.shown(host)) may be in the clear, and with anybody (sslmode="
                + "\(mode ?? "is not set")): who is on the way reads sessions and keys. \(remedy)"
        }
    }

    /// A socket of this machine, or its loopback address.
    private static func isLocal(_ host: String) -> Bool {
        host.isEmpty || host.hasPrefix("/") || host.hasPrefix("@") || host.lowercased().hasPrefix("%2f")
            || Loopback.isLocal(host)
    }

    private static func shown(_ host: String) -> String { host.contains("@") ? "another host" : host }
}
