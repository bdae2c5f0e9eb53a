import Foundations
import HTTPTypes
import SessionEngine

extension SessionExchange {
    /// What the request says about its client, for the list of the user's devices.
    func client(_ configuration: SessionConfiguration) -> ClientFacts {
        guard configuration.reportsClients else { return ClientFacts() }
        let fields = request.headerFields
        return ClientFacts(
            address: clientAddress(behind: configuration.trustedProxies), userAgent: fields[.userAgent],
            platform: fields[.clientPlatform].map { String($0.trimmed { $0 == "\"" || $0 == " " }) })
    }

    /// The address of the client: the peer's, or what the farthest trusted proxy saw.
    ///
    /// Elements further to the left are the client's own words.
    private func clientAddress(behind proxies: Int) -> String? {
        guard proxies > 0 else { return peerAddress.flatMap(Self.address) }
        let elements = request.headerFields[values: .forwardedFor]
            .flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        guard elements.count >= proxies else { return nil }
        return Self.address(String(elements[elements.count - proxies]))
    }

    /// An address without brackets and port; `nil` for another text.
    private static func address(_ text: String) -> String? {
        var rest = text.trimmed { $0 == " " || $0 == "\t" }
        if rest.first == "[" {
            rest = rest.dropFirst().prefix { $0 != "]" }
        } else if rest.filter({ $0 == ":" }).count == 1 {
            rest = rest.prefix { $0 != ":" }
        }
        return IPAddress(String(rest))?.text
    }
}
