//! Where and from when electronic licences are issued (R2-R6).

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

use crate::identifier::AuthorityCode;

/// The waves of the roll-out: those of 2021 built in, later ones set by the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    cities: BTreeMap<String, Date>,
    nationwide: Option<Date>,
}

/// One step of the roll-out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// Where.
    pub scope: Scope,
    /// The first day.
    pub from: Date,
}

/// Where a wave applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// One issuing authority's city.
    City(AuthorityCode),
    /// Everywhere.
    Nationwide,
}

impl Rollout {
    /// The pilot of 2021-06-01 (R2) and the first batch of 2021-09-01 (R3).
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            cities: CITIES
                .iter()
                .map(|city| {
                    let from = if PILOTS.contains(&city.code) {
                        PILOT_FROM
                    } else {
                        FIRST_BATCH_FROM
                    };
                    (city.code.to_owned(), from)
                })
                .collect(),
            nationwide: None,
        }
    }

    /// Adds a wave. Of several waves for one place the earliest counts.
    #[must_use]
    pub fn with_wave(mut self, wave: Wave) -> Self {
        match wave.scope {
            Scope::City(code) => {
                self.cities
                    .entry(code.into())
                    .and_modify(|from| *from = wave.from.min(*from))
                    .or_insert(wave.from);
            }
            Scope::Nationwide => {
                self.nationwide = Some(
                    self.nationwide
                        .map_or(wave.from, |from| from.min(wave.from)),
                );
            }
        }
        self
    }

    /// The day from which drivers of an issuing authority can apply, if it is known.
    #[must_use]
    pub fn opens(&self, authority_code: &str) -> Option<Date> {
        self.cities
            .get(authority_code)
            .copied()
            .into_iter()
            .chain(self.nationwide)
            .min()
    }
}

/// A city of the first batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct City {
    /// Its prefecture code.
    pub code: &'static str,
    /// Its name.
    pub zh: &'static str,
    /// Its name in pinyin.
    pub en: &'static str,
    /// Its issuing authority.
    pub authority: &'static str,
    /// The licence number of a synthetic driver: no real county code ends in 99.
    pub sample_id: &'static str,
}

const PILOTS: [&str; 3] = ["1201", "5101", "3205"];
const PILOT_FROM: Date = date(2021, 6, 1);
const FIRST_BATCH_FROM: Date = date(2021, 9, 1);

/// The 28 cities of R3, in its order.
pub static CITIES: [City; 28] = [
    City {
        code: "1101",
        zh: "北京",
        en: "Beijing",
        authority: "北京市公安局公安交通管理局",
        sample_id: "110199199001019912",
    },
    City {
        code: "1201",
        zh: "天津",
        en: "Tianjin",
        authority: "天津市公安局交通管理局",
        sample_id: "120199199001019922",
    },
    City {
        code: "1301",
        zh: "石家庄",
        en: "Shijiazhuang",
        authority: "河北省石家庄市公安局交通管理局",
        sample_id: "130199199001019916",
    },
    City {
        code: "2201",
        zh: "长春",
        en: "Changchun",
        authority: "吉林省长春市公安局交通警察支队",
        sample_id: "220199199001019926",
    },
    City {
        code: "2306",
        zh: "大庆",
        en: "Daqing",
        authority: "黑龙江省大庆市公安局交通警察支队",
        sample_id: "230699199001019917",
    },
    City {
        code: "3101",
        zh: "上海",
        en: "Shanghai",
        authority: "上海市公安局交通警察总队",
        sample_id: "310199199001019928",
    },
    City {
        code: "3202",
        zh: "无锡",
        en: "Wuxi",
        authority: "江苏省无锡市公安局交通警察支队",
        sample_id: "320299199001019917",
    },
    City {
        code: "3205",
        zh: "苏州",
        en: "Suzhou",
        authority: "江苏省苏州市公安局交通警察支队",
        sample_id: "320599199001019921",
    },
    City {
        code: "3209",
        zh: "盐城",
        en: "Yancheng",
        authority: "江苏省盐城市公安局交通警察支队",
        sample_id: "320999199001019915",
    },
    City {
        code: "3212",
        zh: "泰州",
        en: "Taizhou",
        authority: "江苏省泰州市公安局交通警察支队",
        sample_id: "321299199001019926",
    },
    City {
        code: "3302",
        zh: "宁波",
        en: "Ningbo",
        authority: "浙江省宁波市公安局交通警察支队",
        sample_id: "330299199001019919",
    },
    City {
        code: "3304",
        zh: "嘉兴",
        en: "Jiaxing",
        authority: "浙江省嘉兴市公安局交通警察支队",
        sample_id: "330499199001019928",
    },
    City {
        code: "3601",
        zh: "南昌",
        en: "Nanchang",
        authority: "江西省南昌市公安局交通管理局",
        sample_id: "360199199001019919",
    },
    City {
        code: "3701",
        zh: "济南",
        en: "Jinan",
        authority: "山东省济南市公安局交通警察支队",
        sample_id: "370199199001019929",
    },
    City {
        code: "3702",
        zh: "青岛",
        en: "Qingdao",
        authority: "山东省青岛市公安局交通警察支队",
        sample_id: "370299199001019916",
    },
    City {
        code: "4301",
        zh: "长沙",
        en: "Changsha",
        authority: "湖南省长沙市公安局交通警察支队",
        sample_id: "430199199001019925",
    },
    City {
        code: "4401",
        zh: "广州",
        en: "Guangzhou",
        authority: "广东省广州市公安局交通警察支队",
        sample_id: "440199199001019919",
    },
    City {
        code: "4403",
        zh: "深圳",
        en: "Shenzhen",
        authority: "广东省深圳市公安局交通警察局",
        sample_id: "440399199001019928",
    },
    City {
        code: "4501",
        zh: "南宁",
        en: "Nanning",
        authority: "广西南宁市公安局交通警察支队",
        sample_id: "450199199001019910",
    },
    City {
        code: "5001",
        zh: "重庆",
        en: "Chongqing",
        authority: "重庆市公安局交通管理局",
        sample_id: "500199199001019923",
    },
    City {
        code: "5101",
        zh: "成都",
        en: "Chengdu",
        authority: "四川省成都市公安局交通管理局",
        sample_id: "510199199001019917",
    },
    City {
        code: "5107",
        zh: "绵阳",
        en: "Mianyang",
        authority: "四川省绵阳市公安局交通警察支队",
        sample_id: "510799199001019928",
    },
    City {
        code: "5103",
        zh: "自贡",
        en: "Zigong",
        authority: "四川省自贡市公安局交通警察支队",
        sample_id: "510399199001019918",
    },
    City {
        code: "5113",
        zh: "南充",
        en: "Nanchong",
        authority: "四川省南充市公安局交通警察支队",
        sample_id: "511399199001019927",
    },
    City {
        code: "5201",
        zh: "贵阳",
        en: "Guiyang",
        authority: "贵州省贵阳市公安局交通管理局",
        sample_id: "520199199001019919",
    },
    City {
        code: "5301",
        zh: "昆明",
        en: "Kunming",
        authority: "云南省昆明市公安局交通警察支队",
        sample_id: "530199199001019929",
    },
    City {
        code: "6101",
        zh: "西安",
        en: "Xi'an",
        authority: "陕西省西安市公安局交通警察支队",
        sample_id: "610199199001019910",
    },
    City {
        code: "6401",
        zh: "银川",
        en: "Yinchuan",
        authority: "宁夏银川市公安局交通警察支队",
        sample_id: "640199199001019924",
    },
];
