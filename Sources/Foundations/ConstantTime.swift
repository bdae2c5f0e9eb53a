/// The one comparison of secrets (docs/specification/security.md T23).
package enum ConstantTime {
    /// Whether two texts have the same bytes; the time depends on the second one's length only.
    package static func equals(_ expected: String, _ presented: String) -> Bool {
        let expected = Array(expected.utf8)
        let presented = Array(presented.utf8)
        var difference: UInt8 = expected.count == presented.count ? 0 : 1
        for (index, byte) in presented.enumerated() {
            difference |= byte ^ (index < expected.count ? expected[index] : ~byte)
        }
        return difference == 0
    }
}
