import Foundations
import TesseraSessions

/// Where a core is: an origin and a base path, which may name an app (`/appid-<app>`).
///
/// It comes from the operator. It is judged strictly all the same, because everything that is asked goes behind it.
struct CoreAddress {
    /// The address without a slash at its end.
    let text: String

    /// Reads one part of a connection URI.
    ///
    /// - Throws: `SessionError.misconfigured(_:)` for anything but a host with a plain path; no password is ever part of the
    ///   text.
    init(_ raw: Substring) throws(SessionError) {
        let raw = raw.trimmed(\.isWhitespace)
        let origin = try Origin(String(raw))
        let path = try URLPath(String(raw)).text
        guard !raw.contains("?"), !raw.contains("#") else {
            throw .misconfigured("a connection URI has a query or a fragment: give host and base path only")
        }
        let rest = raw.split(separator: "://", maxSplits: 1).last ?? ""
        let segments = rest.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard segments.allSatisfy(Self.isPlain), !path.contains("//") else {
            throw .misconfigured(
                "the base path of a connection URI has a segment that servers read in different ways (empty, dots, an "
                    + "encoded slash, a control character): write it plainly, such as https://core.example.com/appid-a1"
            )
        }
        text = origin.text + path
    }

    /// Whether a segment means the same to every server.
    private static func isPlain(_ segment: Substring) -> Bool {
        guard let decoded = PercentEncoding.decode(Array(segment.utf8)) else { return false }
        return decoded != "." && decoded != ".."
            && !decoded.unicodeScalars.contains {
                $0 == "/" || $0 == "\\" || $0 == "%" || $0.value < 32 || $0.value == 127
            }
    }
}
