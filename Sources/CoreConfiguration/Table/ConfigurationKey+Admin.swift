import CoreServer
import Foundations

extension ConfigurationKey {
    static let ofAdminPage: [ConfigurationKey] = [
        ConfigurationKey(
            "admin_listen", .listenAddress("127.0.0.1:3568"), \.admin, .own,
            """
            the address and port of the admin page, such as `127.0.0.1:3568`; needs `admin_api_keys`, and off this machine \
            `admin_origin`; `off` switches it off (docs/admin.md)
            """),
        ConfigurationKey(
            "admin_api_keys", .adminKeys, \.adminSettings.keys, default: "none", [.own, .secret, .reloadable],
            """
            keys that open the admin page and nothing else, separated by commas, each of 20 characters or more; one that is \
            written `name:key` puts the name into the audit log
            """),
        ConfigurationKey(
            "admin_origin", .origin, \.adminSettings.origin, [.own, .reloadable],
            "the origin under which a proxy shows the admin page, such as `https://admin.example.com`"),
        ConfigurationKey(
            "admin_page_writes", .flag, \.adminSettings.isWritable, [.own, .reloadable],
            "the admin page may end sessions, and make and delete signing keys; otherwise it only reads"),
    ]
}

extension ValueFormat where Value == [AdminSettings.Key] {
    /// Keys of the admin page with their names, separated by commas.
    static var adminKeys: ValueFormat {
        ValueFormat(.string) { text, name in
            let keys = text.split(separator: ",").map { key(String($0.trimmed(\.isWhitespace))) }
            let isGood = keys.allSatisfy { $0.secret.count >= 20 && KeyText.isPlain($0.secret) && isName($0.name) }
            // A lone comma is a lost key, not a request for none.
            guard !keys.isEmpty, isGood else {
                return .breach(
                    .rule(
                        "A key in \(name) needs 20 characters or more of '=', '-', letters and digits; before a colon it may "
                            + "have a name of letters, digits, '.', '_', '-' and '@'."))
            }
            return .value(keys)
        } print: { keys in
            keys.isEmpty ? nil : keys.map { "\($0.name):\($0.secret)" }.joined(separator: ",")
        }
    }

    private static func key(_ text: String) -> AdminSettings.Key {
        guard let colon = text.firstIndex(of: ":") else {
            return AdminSettings.Key(name: AdminSettings.Key.standardName, secret: text)
        }
        return AdminSettings.Key(name: String(text[..<colon]), secret: String(text[text.index(after: colon)...]))
    }

    private static func isName(_ name: String) -> Bool {
        (1...64).contains(name.count)
            && name.allSatisfy { "._-@".contains($0) || ($0.isASCII && ($0.isLetter || $0.isNumber)) }
    }
}

extension ValueFormat where Value == String? {
    /// An origin: scheme, host and perhaps a port, without a path.
    static var origin: ValueFormat {
        ValueFormat<String>(.string) { text, name in
            let rest = text.firstRange(of: "://").map { text[$0.upperBound...] } ?? ""
            let hasScheme = ["https", "http"].contains { text.hasPrefix($0 + "://") }
            guard hasScheme, HostName(String(rest)) != nil else {
                return .breach(
                    .rule("'\(name)' must be an origin such as https://admin.example.com, without a path."))
            }
            return .value(text.lowercased())
        } print: {
            $0
        }.optional()
    }
}

extension ConfigurationReading {
    /// The rules of the admin page: an address that others reach needs a name that is its own, and https.
    mutating func judgeAdminPage() {
        guard let address = draft.admin else { return }
        if draft.adminSettings.keys.isEmpty {
            note(
                "The admin page needs a key: set 'admin_api_keys' to one of at least 20 characters, or 'admin_listen' to "
                    + "off.", ["admin_listen", "admin_api_keys"], showsValue: false)
        }
        let shared = Set(draft.adminSettings.keys.map(\.secret)).intersection(draft.settings.apiKeys)
        if !shared.isEmpty {
            note(
                "A key of 'admin_api_keys' is one of 'api_keys': applications have that one, and must not open the admin "
                    + "page.", ["admin_api_keys"], showsValue: false)
        }
        if !Loopback.isLocal(address.host), draft.adminSettings.origin == nil {
            note(
                "'admin_listen' is not this machine only: set 'admin_origin' to the https origin under which a proxy shows "
                    + "the page, or listen on 127.0.0.1.", ["admin_listen"], showsValue: false)
        }
        if let origin = draft.adminSettings.origin, origin.hasPrefix("http://") {
            note("'admin_origin' must begin with https://: what the page sends is a secret.", ["admin_origin"])
        }
    }
}
