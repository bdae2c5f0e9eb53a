/// A value that holds secrets: it prints as `<redacted>` and shows nothing to reflection.
///
/// Who prints something that is no secret has a `description` of its own. Conforming needs `public import Foundations`
/// where the type is public; outside this package only the two public protocols are seen.
package protocol Redacted: CustomStringConvertible, CustomReflectable {}

extension Redacted {
    /// Never the secret.
    public var description: String { "<redacted>" }
    /// An empty mirror, so that `dump` prints no secret.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
