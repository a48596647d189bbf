//! Vehicle classes (准驾车型) of Order 162, in force from 2022-04-01.
//!
//! The granted codes are stored; what they include is computed when a class is checked.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::Text;

/// A class code. An unknown code is kept and shown, and never grants anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ClassCode {
    /// 大型客车
    A1,
    /// 重型牵引挂车
    A2,
    /// 城市公交车
    A3,
    /// 中型客车
    B1,
    /// 大型货车
    B2,
    /// 小型汽车
    C1,
    /// 小型自动挡汽车
    C2,
    /// 低速载货汽车
    C3,
    /// 三轮汽车
    C4,
    /// 残疾人专用小型自动挡载客汽车
    C5,
    /// 轻型牵引挂车
    C6,
    /// 普通三轮摩托车
    D,
    /// 普通二轮摩托车
    E,
    /// 轻便摩托车
    F,
    /// 轮式专用机械车
    M,
    /// 无轨电车
    N,
    /// 有轨电车
    P,
    /// A code that this table does not know.
    Unknown(String),
}

/// A class code that is no code at all: empty, too long, or not capital letters and digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a vehicle class code")]
pub struct ClassCodeError;

impl ClassCode {
    /// Reads one code of 1 to 8 capital letters and digits.
    ///
    /// # Errors
    /// If the text cannot be a code. An unknown code is no error.
    pub fn parse(text: &str) -> Result<Self, ClassCodeError> {
        if let Some(row) = CLASS_TABLE.iter().find(|row| row.code == text) {
            return Ok(row.class.clone());
        }
        let shaped = (1..=8).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if shaped {
            Ok(Self::Unknown(text.to_owned()))
        } else {
            Err(ClassCodeError)
        }
    }

    /// Reads codes written without a separator, as registries print them, e.g. `A2D`.
    ///
    /// # Errors
    /// If the text is empty, or does not begin each code with a capital letter.
    pub fn parse_joined(text: &str) -> Result<Vec<Self>, ClassCodeError> {
        let mut codes: Vec<String> = Vec::new();
        for character in text.chars() {
            if character.is_ascii_uppercase() {
                codes.push(character.to_string());
            } else {
                codes.last_mut().ok_or(ClassCodeError)?.push(character);
            }
        }
        if codes.is_empty() {
            return Err(ClassCodeError);
        }
        codes.iter().map(|code| Self::parse(code)).collect()
    }

    /// The code as it stands on the licence.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match (self, self.row()) {
            (Self::Unknown(code), _) => code,
            (_, Some(row)) => row.code,
            (_, None) => "",
        }
    }

    /// The row of the class table, unless the code is unknown.
    #[must_use]
    pub fn row(&self) -> Option<&'static ClassRow> {
        CLASS_TABLE.iter().find(|row| row.class == *self)
    }
}

/// Every class that the granted codes allow, themselves included; unknown codes are left out.
#[must_use]
pub fn granted_closure(granted: &[ClassCode]) -> BTreeSet<ClassCode> {
    granted
        .iter()
        .filter_map(ClassCode::row)
        .flat_map(|row| std::iter::once(&row.class).chain(row.also))
        .cloned()
        .collect()
}

/// Whether the granted codes allow driving the wanted class.
#[must_use]
pub fn entitles(granted: &[ClassCode], wanted: &ClassCode) -> bool {
    granted_closure(granted).contains(wanted)
}

/// A row of the class table on the sub page (R22, 准驾车型代号规定).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassRow {
    /// The class.
    pub class: ClassCode,
    /// Its code.
    pub code: &'static str,
    /// Its name.
    pub name: Text,
    /// The vehicles it covers, in short.
    pub vehicles: Text,
    /// The further classes it allows.
    pub also: &'static [ClassCode],
}

/// The 17 classes in the order of the regulation (R22).
pub static CLASS_TABLE: [ClassRow; 17] = {
    use ClassCode::{A1, A2, A3, B1, B2, C1, C2, C3, C4, C5, C6, D, E, F, M, N, P};

    const fn row(
        class: ClassCode,
        code: &'static str,
        name: [&'static str; 2],
        vehicles: [&'static str; 2],
        also: &'static [ClassCode],
    ) -> ClassRow {
        let [name_zh, name_en] = name;
        let [vehicles_zh, vehicles_en] = vehicles;
        ClassRow {
            class,
            code,
            name: Text {
                zh: name_zh,
                en: name_en,
            },
            vehicles: Text {
                zh: vehicles_zh,
                en: vehicles_en,
            },
            also,
        }
    }

    static A1_ALSO: [ClassCode; 8] = [A3, B1, B2, C1, C2, C3, C4, M];
    static A2_ALSO: [ClassCode; 8] = [B1, B2, C1, C2, C3, C4, C6, M];
    static A3_ALSO: [ClassCode; 4] = [C1, C2, C3, C4];
    static B_ALSO: [ClassCode; 5] = [C1, C2, C3, C4, M];
    static C1_ALSO: [ClassCode; 3] = [C2, C3, C4];
    static C3_ALSO: [ClassCode; 1] = [C4];
    static D_ALSO: [ClassCode; 2] = [E, F];
    static E_ALSO: [ClassCode; 1] = [F];

    [
        row(
            A1,
            "A1",
            ["大型客车", "Large bus"],
            ["大型载客汽车", "Large passenger vehicles"],
            &A1_ALSO,
        ),
        row(
            A2,
            "A2",
            ["重型牵引挂车", "Heavy tractor-trailer"],
            [
                "总质量大于 4500 千克的汽车列车",
                "Vehicle combinations above 4,500 kg",
            ],
            &A2_ALSO,
        ),
        row(
            A3,
            "A3",
            ["城市公交车", "City bus"],
            [
                "核载 10 人以上的城市公共汽车",
                "City buses for 10 persons or more",
            ],
            &A3_ALSO,
        ),
        row(
            B1,
            "B1",
            ["中型客车", "Medium bus"],
            ["中型载客汽车", "Medium passenger vehicles"],
            &B_ALSO,
        ),
        row(
            B2,
            "B2",
            ["大型货车", "Heavy goods vehicle"],
            [
                "重型、中型载货汽车和专项作业车",
                "Heavy and medium goods and special-purpose vehicles",
            ],
            &B_ALSO,
        ),
        row(
            C1,
            "C1",
            ["小型汽车", "Small vehicle"],
            [
                "小型、微型载客汽车，轻型、微型载货汽车和专项作业车",
                "Small passenger vehicles, light goods and special-purpose vehicles",
            ],
            &C1_ALSO,
        ),
        row(
            C2,
            "C2",
            ["小型自动挡汽车", "Small automatic vehicle"],
            [
                "小型、微型自动挡载客汽车，轻型、微型自动挡载货汽车和专项作业车",
                "The vehicles of C1 with automatic transmission",
            ],
            &[],
        ),
        row(
            C3,
            "C3",
            ["低速载货汽车", "Low-speed goods vehicle"],
            ["低速载货汽车", "Low-speed goods vehicles"],
            &C3_ALSO,
        ),
        row(
            C4,
            "C4",
            ["三轮汽车", "Three-wheeled vehicle"],
            ["三轮汽车", "Three-wheeled motor vehicles"],
            &[],
        ),
        row(
            C5,
            "C5",
            [
                "残疾人专用小型自动挡载客汽车",
                "Small automatic passenger vehicle for disabled drivers",
            ],
            [
                "残疾人专用小型、微型自动挡载客汽车",
                "Small automatic passenger vehicles adapted for disabled drivers",
            ],
            &[],
        ),
        row(
            C6,
            "C6",
            ["轻型牵引挂车", "Light tractor-trailer"],
            [
                "总质量小于 4500 千克的汽车列车",
                "Vehicle combinations below 4,500 kg",
            ],
            &[],
        ),
        row(
            D,
            "D",
            ["普通三轮摩托车", "Three-wheeled motorcycle"],
            [
                "排量大于 50 毫升或者最高设计车速大于 50 千米/小时的三轮摩托车",
                "Three-wheeled motorcycles above 50 ml or 50 km/h",
            ],
            &D_ALSO,
        ),
        row(
            E,
            "E",
            ["普通二轮摩托车", "Two-wheeled motorcycle"],
            [
                "排量大于 50 毫升或者最高设计车速大于 50 千米/小时的二轮摩托车",
                "Two-wheeled motorcycles above 50 ml or 50 km/h",
            ],
            &E_ALSO,
        ),
        row(
            F,
            "F",
            ["轻便摩托车", "Light motorcycle"],
            [
                "排量不超过 50 毫升且最高设计车速不超过 50 千米/小时的摩托车",
                "Motorcycles of at most 50 ml and 50 km/h",
            ],
            &[],
        ),
        row(
            M,
            "M",
            ["轮式专用机械车", "Wheeled special machine"],
            ["轮式专用机械车", "Wheeled special machines"],
            &[],
        ),
        row(
            N,
            "N",
            ["无轨电车", "Trolleybus"],
            ["无轨电车", "Trolleybuses"],
            &[],
        ),
        row(P, "P", ["有轨电车", "Tram"], ["有轨电车", "Trams"], &[]),
    ]
};

impl fmt::Display for ClassCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for ClassCode {
    type Error = ClassCodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ClassCode> for String {
    fn from(class: ClassCode) -> Self {
        class.as_str().to_owned()
    }
}
