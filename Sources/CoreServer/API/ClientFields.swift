import Foundations
import SessionEngine

/// What a backend says about the client, as header fields beside a creation or a refresh (docs/devices.md).
///
/// SuperTokens' cores read over them. A field that cannot be read is passed over: no sign-in fails for it.
package struct ClientFields: Sendable, Equatable {
    /// The field `tessera-client-address`: one address.
    package var address: String?
    /// The field `tessera-client-user-agent`: base64url of UTF-8.
    package var userAgent: String?
    /// The field `tessera-client-hints`: a dictionary of RFC 9651, of which `platform` counts.
    package var hints: String?
    /// The field `tessera-client-label`: base64url of UTF-8.
    package var label: String?
    /// The field `tessera-client-country`: two letters.
    package var country: String?

    package init() {}

    private static let longest = 1_024

    /// What they say.
    var facts: ClientFacts {
        guard self != ClientFields() else { return ClientFacts() }
        var facts = ClientFacts(address: address, userAgent: Self.text(userAgent), country: country)
        facts.label = Self.text(label)
        if let hints, hints.utf8.count <= Self.longest,
            case .text(let platform)? = StructuredDictionary(hints)?.members["platform"]
        {
            facts.platform = platform
        }
        return facts
    }

    private static func text(_ encoded: String?) -> String? {
        guard let encoded, encoded.utf8.count <= longest, let bytes = Base64.url.decode(encoded.utf8) else {
            return nil
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
