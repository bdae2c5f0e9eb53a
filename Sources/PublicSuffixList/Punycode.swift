/// Labels of international names as hosts carry them (RFC 3492, with the parameters of its section 5).
enum Punycode {
    private static let (base, least, most, skew, damp) = (36, 1, 26, 38, 700)
    private static let digits = Array("abcdefghijklmnopqrstuvwxyz0123456789".unicodeScalars)

    /// A label of a list that is in lower case and normalised already; `nil` for one that is too long for any host.
    static func label(_ label: Substring) -> String? {
        let scalars = Array(label.unicodeScalars)
        if scalars.allSatisfy(\.isASCII) { return String(label) }
        guard scalars.count < 64 else { return nil }
        let encoded = "xn--" + encode(scalars.map { Int($0.value) })
        return encoded.utf8.count < 64 ? encoded : nil
    }

    /// With fewer than 64 code points no number here can overflow.
    private static func encode(_ input: [Int]) -> String {
        let basic = input.filter { $0 < 0x80 }
        var output = String(String.UnicodeScalarView(basic.compactMap { Unicode.Scalar($0) }))
        if !basic.isEmpty { output += "-" }
        var (next, delta, bias, handled) = (0x80, 0, 72, basic.count)
        while handled < input.count {
            let smallest = input.filter { $0 >= next }.min() ?? next
            delta += (smallest - next) * (handled + 1)
            next = smallest
            for point in input {
                if point < next { delta += 1 }
                guard point == next else { continue }
                output += digits(of: delta, bias)
                bias = adapted(delta, to: handled + 1, isFirst: handled == basic.count)
                (delta, handled) = (0, handled + 1)
            }
            (delta, next) = (delta + 1, next + 1)
        }
        return output
    }

    /// A number of variable length (RFC 3492 section 3.3).
    private static func digits(of delta: Int, _ bias: Int) -> String {
        var (rest, text, place) = (delta, String.UnicodeScalarView(), base)
        while true {
            let threshold = min(max(place - bias, least), most)
            if rest < threshold { break }
            text.append(digits[threshold + (rest - threshold) % (base - threshold)])
            rest = (rest - threshold) / (base - threshold)
            place += base
        }
        text.append(digits[rest])
        return String(text)
    }

    /// The bias for the next number (RFC 3492 section 6.1).
    private static func adapted(_ delta: Int, to count: Int, isFirst: Bool) -> Int {
        var delta = isFirst ? delta / damp : delta / 2
        delta += delta / count
        var place = 0
        while delta > (base - least) * most / 2 {
            delta /= base - least
            place += base
        }
        return place + (base - least + 1) * delta / (delta + skew)
    }
}

extension Unicode.Scalar {
    fileprivate init?(_ value: Int) {
        guard let number = UInt32(exactly: value) else { return nil }
        self.init(number)
    }
}
