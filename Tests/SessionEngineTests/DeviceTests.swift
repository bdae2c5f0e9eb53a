import Foundations
import SessionEngine
import TestSupport
import Testing

@Suite("What is kept about a device (docs/decisions/0041)")
struct DeviceTests {
    private static func request(_ facts: ClientFacts, _ privacy: DevicePrivacy) -> SessionDevice? {
        var new = NewSession(userID: UserID("u"))
        new.client = facts
        return new.traits(at: Timestamp(milliseconds: 0), keeping: privacy).device
    }

    @Test(
        "A label names browser and system, without a version",
        arguments: [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 "
                    + "Safari/537.36 Edg/156.0.0.0", nil, "Edge on Windows"
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
                    + "Version/18.6 Mobile/15E148 Safari/604.1", nil, "Safari on iPhone"
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile "
                    + "Safari/537.36", nil, "Chrome on Android"
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", nil, "Firefox on Linux"),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36", nil,
                "Chrome on ChromeOS"
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.6 Safari/605.1.15",
                nil,
                "Safari on macOS"
            ),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/156.0.0.0 OPR/120.0", nil, "Opera on Windows"),
            ("Mozilla/5.0 (iPad; CPU OS 18_6) CriOS/156 Mobile Safari/604.1", nil, "Chrome on iPad"),
            ("Mozilla/5.0 (iPhone) FxiOS/140 Mobile Safari/604.1", nil, "Firefox on iPhone"),
            (
                "Mozilla/5.0 (Linux; Android 14) SamsungBrowser/28.0 Chrome/130 Safari", nil,
                "Samsung Internet on Android"
            ),
            // The platform in a field of its own counts more than the text that browsers have frozen.
            ("Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0 Safari/537.36", "Chrome OS", "Chrome on ChromeOS"),
            ("Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0 Safari/537.36", "<script>", "Chrome on Linux"),
            ("MyApp/4.2 CFNetwork/1568.100 Darwin/24.0.0", nil, "MyApp"),
            ("curl/8.5.0", nil, "curl"), ("MyApp/4.2", "macOS", "MyApp on macOS"),
            ("Mozilla/5.0", nil, "Unknown device"),
            ("", nil, "Unknown device"), ("\"><img src=x onerror=alert(1)>", nil, "img"),
            (String(repeating: "x", count: 100_000), nil, String(repeating: "x", count: 24)),
        ] as [(String, String?, String)])
    func labels(agent: String, platform: String?, label: String) {
        let device = Self.request(ClientFacts(userAgent: agent, platform: platform), DevicePrivacy())
        #expect((device ?? SessionDevice()).label == label)
    }

    @Test(
        "An address is kept in its one form, as a network or not at all; what is none is passed over",
        arguments: [
            ("203.0.113.57", "203.0.113.0/24", "203.0.113.57"),
            ("2001:db8:12:34::1", "2001:db8:12::/48", "2001:db8:12:34::1"),
            ("2001:0DB8:0012:0034:0000:0000:0000:0001", "2001:db8:12::/48", "2001:db8:12:34::1"),
            ("::ffff:198.51.100.7", "198.51.100.0/24", "198.51.100.7"),
            ("::1", "::/48", "::1"), ("0.0.0.0", "0.0.0.0/24", "0.0.0.0"),
            ("203.0.113.57:443", nil, nil), ("[::1]", nil, nil), ("fe80::1%eth0", nil, nil), ("unknown", nil, nil),
            ("", nil, nil), ("203.0.113", nil, nil), ("203.0.113.256", nil, nil), ("203.0.113.1\u{0}", nil, nil),
            ("010.0.0.1", nil, nil), ("1.2.3.4, 5.6.7.8", nil, nil), (String(repeating: "1", count: 9_999), nil, nil),
        ] as [(String, String?, String?)])
    func addresses(text: String, network: String?, whole: String?) {
        let facts = ClientFacts(address: text)
        for (mode, expected) in [(DevicePrivacy.Address.prefix, network), (.full, whole), (.off, nil)] {
            let device = Self.request(facts, DevicePrivacy(address: mode))
            #expect(device?.lastAddress == expected && device?.firstAddress == expected, "\(mode)")
        }
    }

    @Test("What is personal is kept as the operator says, and a stricter choice cuts what is stored")
    func privacy() {
        let facts = ClientFacts(
            address: "203.0.113.57", userAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", country: "de",
            label: "Mara's laptop")
        let full = DevicePrivacy(address: .full, userAgent: .full, keepsCountry: true)
        let device = Self.request(facts, full)
        #expect(device?.userAgent == facts.userAgent && device?.country == "DE" && device?.label == "Mara's laptop")
        #expect(device?.derivedLabel == "Firefox on Linux")
        let little = device?.updated(
            by: ClientFacts(address: "198.51.100.1"), keeping: DevicePrivacy(userAgent: .label))
        #expect(little?.firstAddress == "203.0.113.0/24" && little?.lastAddress == "198.51.100.0/24")
        #expect(little?.userAgent == nil && little?.derivedLabel == "Firefox on Linux" && little?.country == nil)
        let none = little?.updated(by: facts, keeping: DevicePrivacy(address: .off, userAgent: .off))
        var named = SessionDevice()
        named.givenLabel = "Mara's laptop"
        #expect(none == named, "a name that was given stays")
        #expect(Self.request(ClientFacts(address: "1.2.3.4"), DevicePrivacy(address: .off)) == nil)
        for country in ["DEU", "D", "D1", "ß", "\u{0}\u{0}", ""] {
            #expect(Self.request(ClientFacts(country: country), full) == nil, "\(country)")
        }
    }

    @Test(
        "A name is cut, and has nothing invisible in it",
        arguments: [
            ("  Mara's iPhone ", "Mara's iPhone"), ("a\u{202E}b\u{2066}c", "abc"), ("a\r\nb\tc\u{0}", "abc"),
            ("\u{200B}\u{FEFF}", nil), ("", nil), ("   ", nil), ("👩‍👩‍👧 phone", "👩‍👩‍👧 phone"),
            (String(repeating: "x", count: 10_240), String(repeating: "x", count: 64)),
            (String(repeating: "é", count: 200), String(repeating: "é", count: 64)),
            ("\"><img src=x onerror=alert(1)>", "\"><img src=x onerror=alert(1)>"),
        ] as [(String, String?)])
    func names(text: String, label: String?) {
        #expect(SessionDevice.label(text) == label)
        let kept = Self.request(ClientFacts(label: text), DevicePrivacy())
        #expect(kept?.givenLabel == label)
    }

    @Test("A User-Agent field is cut to 256 bytes at a whole character")
    func agents() {
        let agent = String(repeating: "x", count: 255) + "é" + "y"
        #expect(
            Self.request(ClientFacts(userAgent: agent), DevicePrivacy())?.userAgent
                == String(repeating: "x", count: 255))
        let marks = "a" + String(repeating: "\u{301}", count: 100_000)
        #expect((Self.request(ClientFacts(userAgent: marks), DevicePrivacy())?.userAgent ?? "").utf8.count <= 256)
    }

    @Test("Stored and read it is the same; what is damaged is nothing known; nothing of it is printed")
    func storage() throws {
        var device = SessionDevice()
        (device.givenLabel, device.derivedLabel, device.userAgent) = ("a\"\\é\u{1F4F1}", "b", "c")
        (device.firstAddress, device.lastAddress, device.country) = ("d", "e", "DE")
        #expect(SessionDevice(stored: device.stored) == device)
        for text in ["", "{", "[]", "{}", "{\"given\":1}", "null", "\u{0}"] {
            #expect(SessionDevice(stored: text) == nil, "\(text)")
        }
        #expect("\(device)" == "<redacted>" && "\(ClientFacts(address: "1.2.3.4"))" == "<redacted>")
    }

    @Test("A place in a list is a text that only holders of the key can make: the vector of docs/devices.md")
    func cursors() throws {
        let key = (0..<32).map { UInt8($0) }
        let handle = SessionHandle("0b6fd6e4-9cfe-4b4a-9a1b-3b1b7f3e4c11")
        let time = Timestamp(milliseconds: 1_764_200_000_000)
        let text = "AAABmsKDqgAwYjZmZDZlNC05Y2ZlLTRiNGEtOWExYi0zYjFiN2YzZTRjMTEc2Qhpe_ljJ4SOvWhBaMOX"
        #expect(RefreshTokenKey.cursor(createdAt: time, handle: handle, key: key) == text)
        let place = try #require(RefreshTokenKey.place(of: text, key: key))
        #expect(place.createdAt == time && place.handle == handle)
        #expect(RefreshTokenKey.place(of: text, key: Array(key.dropLast())) == nil)
        for offset in 0..<text.utf8.count {
            for digit in ["A", "_", "9"] {
                var changed = Array(text)
                changed[offset] = Character(digit)
                guard String(changed) != text else { continue }
                #expect(RefreshTokenKey.place(of: String(changed), key: key) == nil, "byte \(offset)")
            }
        }
        for wrong in ["", "A", text + "=", text + "A", String(text.dropLast()), String(repeating: "A", count: 100_000)]
        {
            #expect(RefreshTokenKey.place(of: wrong, key: key) == nil)
        }
    }
}
