/// The name of a device for a person, made from its `User-Agent` header.
///
/// No version is in it: browsers have frozen theirs, and some systems say that of an older one.
package enum DeviceLabel {
    /// What a device is called of which nothing is known.
    package static let unknown = "Unknown device"

    /// The first that is found counts.
    private static let systems = [
        ("Windows NT", "Windows"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"),
        ("Mac OS X", "macOS"), ("Linux", "Linux"),
    ]
    private static let browsers = [
        ("Edg/", "Edge"), ("EdgA/", "Edge"), ("EdgiOS/", "Edge"), ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
    ]
    /// The systems of `Sec-CH-UA-Platform`.
    private static let platforms = [
        "Windows": "Windows", "macOS": "macOS", "Linux": "Linux", "Android": "Android", "iOS": "iOS",
        "Fuchsia": "Fuchsia",
        "Chrome OS": "ChromeOS", "Chromium OS": "ChromeOS",
    ]

    /// Makes a label.
    ///
    /// - Parameters:
    ///   - agent: the `User-Agent` header.
    ///   - platform: the system as the client says it in a field of its own, which counts more.
    package static func derive(from agent: String?, platform: String? = nil) -> String {
        let agent = Array((agent ?? "").utf8.prefix(512))
        let hinted = platform.flatMap { platforms[$0] }
        let system = hinted ?? systems.first { agent.holds($0.0) }?.1
        switch (browser(agent), system) {
        case (let browser?, let system?): return "\(browser) on \(system)"
        case (let name?, nil), (nil, let name?): return name
        case (nil, nil): return unknown
        }
    }

    private static func browser(_ agent: [UInt8]) -> String? {
        if let found = browsers.first(where: { agent.holds($0.0) }) { return found.1 }
        if agent.holds("Version/"), agent.holds("Safari/") { return "Safari" }
        // What every browser calls itself says nothing.
        let product = String(
            decoding: agent.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: " ") }, as: UTF8.self
        )
        .filter { $0.isLetter || $0.isNumber || "-_.".contains($0) }
        return product.isEmpty || product == "Mozilla" ? nil : String(product.prefix(24))
    }
}

extension [UInt8] {
    /// Whether a text is in these bytes.
    fileprivate func holds(_ part: String) -> Bool {
        let part = part.utf8
        guard let first = part.first, part.count <= count else { return false }
        return (0...(count - part.count)).contains {
            self[$0] == first && self[$0..<($0 + part.count)].elementsEqual(part)
        }
    }
}
